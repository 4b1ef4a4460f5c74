using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;

namespace ImageGc.Cli.Commands;

internal sealed class CompletionCommand : CommandBase
{
    /// <remarks>
    /// The script gets the suggestions with the directive [suggest:POSITION] of System.CommandLine. It compares them
    /// itself, because `compgen -W` expands its words, and an image ID may contain `$(command)`. bash splits words at
    /// colons (COMP_WORDBREAKS) and replaces only the last part, so a suggestion is offered without the parts before.
    /// If nothing matches, the shell completes file names.
    /// </remarks>
    private const string Script = """
        _imagegc() {
            local line="${COMP_LINE:0:$COMP_POINT}" suggestion separate=""
            local word="${line##*[[:space:]]}"
            if [[ "${COMP_WORDBREAKS-}" == *:* && "$word" == *:* ]]; then separate="${word%"${word##*:}"}"; fi
            COMPREPLY=()
            while IFS= read -r suggestion; do
                if [[ "$suggestion" == -* && "$word" != -* ]]; then continue; fi
                if [[ -z "$suggestion" || "$suggestion" != "$word"* ]]; then continue; fi
                COMPREPLY+=("${suggestion#"$separate"}")
            done < <("$1" "[suggest:$((${#line} - ${#1}))]" "${line#"$1"}" 2>/dev/null)
        }
        complete -o bashdefault -o default -F _imagegc imagegc
        """;

    private readonly Argument<string?> _shell = new("SHELL")
    {
        Description = "bash or zsh. The script is the same for both.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public CompletionCommand(GlobalOptions global)
        : base(
            global, "completion",
            "Print a shell script that completes commands, options, image names and IDs.",
            "source <(imagegc completion bash)      # in ~/.bashrc",
            "",
            "# In ~/.zshrc:",
            "autoload -U compinit bashcompinit && compinit && bashcompinit",
            "source <(imagegc completion zsh)")
    {
        _shell.AcceptOnlyFromAmong("bash", "zsh");
        Arguments.Add(_shell);
    }

    protected override int Run(CommandContext context)
    {
        if (context.Json)
            return WriteUsage(context, "'imagegc completion' has no JSON output: it prints a shell script.");
        context.WriteLine(Script);
        return ExitCode.Done;
    }
}

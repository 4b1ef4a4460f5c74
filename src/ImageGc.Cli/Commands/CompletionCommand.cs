namespace ImageGc.Cli.Commands;

internal sealed class CompletionCommand(GlobalOptions global) : ToolCommand(
    global, "completion", "Print what makes the shell complete commands and options at a press of TAB.",
    "source <(imagegc completion)      # in ~/.bashrc",
    "autoload -U +X bashcompinit && bashcompinit && source <(imagegc completion)      # in ~/.zshrc")
{
    /// <remarks>Where nothing completes, the shell offers file names.</remarks>
    private const string Script = """
        _imagegc() {
            local suggestions
            suggestions=$("$1" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
            COMPREPLY=($(compgen -W "$suggestions" -- "$2"))
        }
        complete -o bashdefault -o default -F _imagegc imagegc
        """;

    protected override int Run(Invocation invocation)
    {
        invocation.WriteLine(Script);
        return ExitCode.Done;
    }
}

using System.CommandLine;
using ImageGc.Cli.Input;

namespace ImageGc.Cli.Execution;

/// <summary>The base class of all commands, with the examples that `--help` shows.</summary>
internal abstract class CommandBase : Command
{
    protected CommandBase(GlobalOptions global, string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(parsed => Run(new CommandContext(global, parsed)));
    }

    public IReadOnlyList<string> Examples { get; }

    /// <summary>Reports wrong usage.</summary>
    /// <returns>The exit code.</returns>
    protected int WriteUsage(CommandContext context, string wrong)
    {
        context.WriteError(wrong);
        context.Error.WriteLine(HelpHint(this));
        return ExitCode.Usage;
    }

    /// <summary>The last line of every message about wrong usage.</summary>
    public static string HelpHint(Command command) =>
        $"Run 'imagegc {(command is RootCommand ? "" : $"{command.Name} ")}--help' for usage and examples.";

    /// <returns>The exit code.</returns>
    protected abstract int Run(CommandContext context);
}

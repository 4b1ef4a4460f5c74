using System.CommandLine;

namespace ImageGc.Cli;

/// <summary>A command of `imagegc`, with the examples that its `--help` shows.</summary>
internal abstract class ToolCommand : Command
{
    protected ToolCommand(GlobalOptions global, string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(parsed => Run(new Invocation(global, parsed)));
    }

    public IReadOnlyList<string> Examples { get; }

    /// <returns>The exit code.</returns>
    protected abstract int Run(Invocation invocation);
}

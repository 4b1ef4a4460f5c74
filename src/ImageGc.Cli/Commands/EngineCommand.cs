using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Terminal;
using ImageGc.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Commands;

/// <summary>A command that asks the container engine, through the host of `imagegc run`.</summary>
internal abstract class EngineCommand(GlobalOptions global, string name, string description, params string[] examples)
    : CommandBase(global, name, description, examples)
{
    protected DaemonOptions Daemon { get; } = new();

    protected sealed override int Run(CommandContext context)
    {
        using var host = BuildHost(context);
        try
        {
            return Run(context, host);
        }
        catch (OptionsValidationException invalid)
        {
            var failures = invalid.Failures.Select(failure => Daemon.UseFlagName(failure, context)).ToList();
            if (!failures.Exists(failure => failure.StartsWith('-')))
                throw new CommandFailedException(string.Join("; ", failures));
            context.WriteError(string.Join("; ", failures));
            context.Error.WriteLine(CommandLine.HelpHint(this));
            return ExitCode.Usage;
        }
        catch (Exception exception) when (exception
            is EngineRequestFailedException or EngineChangedException or TimeoutException or InvalidDataException
            or NotSupportedException)
        {
            // An engine that is away is an IOException, and anything else a bug.
            throw new CommandFailedException(exception.Message);
        }
    }

    protected abstract IHost Build(CommandContext context);

    private IHost BuildHost(CommandContext context)
    {
        try
        {
            return Build(context);
        }
        catch (InvalidOperationException wrong) // A level of the log that does not exist.
        {
            throw new CommandFailedException($"The section Logging is wrong: {wrong.Message}");
        }
    }

    protected abstract int Run(CommandContext context, IHost host);

    protected static int RunOnce(Func<CancellationToken, Task<int>> work, CommandContext context)
    {
        using var termination = new TerminationSignal(() =>
            context.WriteError("Stopping; a second signal stops at once."));
        try
        {
            return work(termination.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (termination.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }
}

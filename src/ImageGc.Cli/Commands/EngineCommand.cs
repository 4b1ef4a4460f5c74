using ImageGc.Cli.Execution;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Terminal;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageGc.Cli.Commands;

/// <summary>A command that can query the container engine, with the services of `imagegc run`.</summary>
internal abstract class EngineCommand(GlobalOptions global, string name, string description, params string[] examples)
    : CommandBase(global, name, description, examples)
{
    protected DaemonOptions Daemon { get; } = new();

    /// <summary>Builds the host for the work, and reports invalid settings and failures of the engine.</summary>
    protected int WithHost(
        CommandContext context, DaemonSettings settings, Func<IHost, int> work, bool readOnly = false,
        bool isQuiet = false)
    {
        using var host = BuildHost(context, settings, readOnly, isQuiet);
        try
        {
            return work(host);
        }
        catch (OptionsValidationException invalid)
        {
            var failures = invalid.Failures.Select(failure => Daemon.UseFlagName(failure, context)).ToList();
            // An invalid option is wrong usage. An invalid setting is a failure.
            if (!failures.Exists(failure => failure.StartsWith('-')))
                throw new CommandFailedException(
                    string.Join("; ", failures.Select(failure => failure + SourceOf(failure, context, settings))));
            return WriteUsage(context, string.Join("; ", failures));
        }
        catch (Exception exception) when (exception
            is EngineRequestFailedException or EngineChangedException or TimeoutException or InvalidDataException
            or NotSupportedException)
        {
            // If the engine cannot be reached, that is an IOException, which Application reports. Others are bugs.
            throw new CommandFailedException(exception.Message);
        }
    }

    /// <summary>The source of an invalid setting, which the message about it ends with.</summary>
    private static string SourceOf(string failure, CommandContext context, DaemonSettings settings)
    {
        if (!failure.StartsWith($"{SettingsFile.Section}:", StringComparison.Ordinal))
            return "";
        var variable = failure.Split(' ')[0].Replace(":", "__", StringComparison.Ordinal);
        return context.Environment.GetVariable(variable) is null
            ? $" (Set in {settings.Source}.)"
            : $" (Set by the environment variable {variable}.)";
    }

    /// <summary>As <see cref="WithHost"/>, for work that a signal cancels.</summary>
    protected int AskEngine(
        CommandContext context, DaemonSettings settings, Func<IServiceProvider, CancellationToken, Task<int>> work,
        bool readOnly = false) => WithHost(
            context, settings,
            host =>
            {
                using var notice = context.NotifyIfSlow("Waiting for the engine");
                return UntilSignal(context, cancel => work(host.Services, cancel));
            },
            readOnly, isQuiet: true);

    /// <summary>Runs the work until it ends or a signal cancels it.</summary>
    protected static int UntilSignal(CommandContext context, Func<CancellationToken, Task<int>> work)
    {
        using var termination = new TerminationSignal(() =>
            context.WriteError("Stopping. A second signal stops at once."));
        try
        {
            return work(termination.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (termination.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }

    protected static ImageGarbageCollectionOptions OptionsOf(IServiceProvider services) =>
        services.GetRequiredService<IOptions<ImageGarbageCollectionOptions>>().Value;

    private static IHost BuildHost(
        CommandContext context, DaemonSettings settings, bool readOnly, bool isQuiet)
    {
        try
        {
            return DaemonHost.Build(
                context, settings.Configuration,
                readOnly ? services => OpenReadOnly(context, OptionsOf(services)) : null, isQuiet);
        }
        catch (InvalidOperationException wrong) // Thrown for a log level that does not exist.
        {
            throw new CommandFailedException($"The section Logging of the settings is not valid: {wrong.Message}");
        }
    }

    private static ImageUseStore OpenReadOnly(CommandContext context, ImageGarbageCollectionOptions options)
    {
        context.ClockSettleTime = options.ClockSettleTime;
        return context.OpenReadOnly();
    }
}

using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Cli.Terminal;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Execution;

/// <summary>The arguments of a command, and the streams for its results and messages.</summary>
internal sealed class CommandContext(GlobalOptions global, ParseResult parsed)
{
    private readonly InvocationConfiguration _streams = parsed.InvocationConfiguration;

    public TextWriter Error => _streams.Error;

    public ConsoleEnvironment Environment => global.Environment;

    public bool Json => Get(global.Json);

    /// <inheritdoc cref="GlobalOptions.DatabaseOf"/>
    public string DatabasePath => field ??= global.DatabaseOf(parsed);

    /// <summary>The settings file; null if there is none.</summary>
    public string? SettingsFile => global.SettingsFileOf(parsed);

    /// <summary>Whether the user named the settings file.</summary>
    public bool NamesSettings => Get(global.Settings) is not null;

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    public T? GetOptional<T>(Argument<T> argument) => parsed.GetValue(argument);

    /// <summary>
    /// Zero for a command that compares ages and is typed by an operator, who can see whether the clock is right.
    /// </summary>
    public TimeSpan ClockSettleTime { get; set; } = new ImageUseStoreOptions().ClockSettleTime;

    public ImageUseStore OpenOrCreate() => Open(readOnly: false);

    /// <summary>Opens the database for a command that must not create one because of a mistyped path.</summary>
    public ImageUseStore OpenExisting()
    {
        RequireDatabase();
        return OpenOrCreate();
    }

    /// <summary>Opens the database for a read-only command: nothing is created, migrated or salvaged.</summary>
    /// <param name="busyTimeout">How long to wait for a lock; the default of the store if null.</param>
    public ImageUseStore OpenReadOnly(TimeSpan? busyTimeout = null)
    {
        RequireDatabase();
        return Open(readOnly: true, busyTimeout);
    }

    private ImageUseStore Open(bool readOnly, TimeSpan? busyTimeout = null)
    {
        var database = DatabasePath;
        using var notice = NotifyIfSlow("Opening the database, which is large, locked or damaged");
        try
        {
            return ImageUseStore.Open(
                new ImageUseStoreOptions
                {
                    DatabasePath = database,
                    ReadOnly = readOnly,
                    ClockSettleTime = ClockSettleTime,
                    BusyTimeout = busyTimeout ?? new ImageUseStoreOptions().BusyTimeout,
                },
                Environment.Time,
                new StandardErrorLogger(Error));
        }
        catch (ArgumentException) // Thrown for `:memory:` and `file:`.
        {
            throw new CommandFailedException(
                $"The database '{database}' is not a file on a disk. Name a file with --db PATH.");
        }
    }

    /// <exception cref="CommandFailedException">The database does not exist.</exception>
    public void RequireDatabase()
    {
        if (!FilePath.Exists(DatabasePath))
            throw new CommandFailedException(
                $"The database '{Path.GetFullPath(DatabasePath)}' does not exist. Name another with --db PATH or "
                + $"{GlobalOptions.DatabaseVariable}, or create it with 'imagegc run', 'imagegc record' or "
                + "'imagegc import'.");
    }

    public void WriteLine(string result) => Write(output => output.WriteLine(result));

    public void WriteJson<T>(T result, JsonTypeInfo<T> type) => WriteLine(JsonSerializer.Serialize(result, type));

    public void WriteTable(OutputTable table) => Write(output => table.WriteTo(output, Environment));

    public void WriteVerdicts(IReadOnlyCollection<ImageVerdict> verdicts, bool fullIds)
    {
        if (Json)
            WriteJson(verdicts.Select(JsonVerdict.Of), JsonOutput.Default.IEnumerableJsonVerdict);
        else if (verdicts.Count > 0)
            WriteTable(new ImageTable(Environment.Time.GetUtcNow(), fullIds).Of(verdicts));
    }

    /// <summary>Writes a message to standard error, unless --json prints the same information.</summary>
    public void WriteInfo(string message)
    {
        if (!Json)
            Error.WriteLine(message);
    }

    /// <summary>Writes what the command is doing, if standard error is a terminal.</summary>
    public void WriteProgress(string doing)
    {
        if (Environment.ErrorIsTerminal)
            WriteInfo(doing);
    }

    /// <summary>Writes what the command is doing if it takes more than a second, until disposed.</summary>
    public SlowOperationNotice NotifyIfSlow(string doing) =>
        new(Environment.Time, () => WriteProgress($"{doing}..."));

    public void WriteError(string message) => Error.WriteLine($"imagegc: {message}");

    /// <summary>Warns that removed images are still tracked, if there are any.</summary>
    public void WarnNotRecorded(int images)
    {
        if (images > 0)
            WriteError($"The disk is full, so {Quantity.Of(images, "removed image")} could not be recorded as removed. "
                + "Free some space. The next run finds that they are gone.");
    }

    private void Write(Action<TextWriter> results)
    {
        try
        {
            results(_streams.Output);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                $"The results could not be written to standard output ({exception.Message}). Changes that were made "
                + "remain.");
        }
    }
}

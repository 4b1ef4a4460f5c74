using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli;

/// <summary>One run of a command: what it was given, and where its results and messages go.</summary>
internal sealed class Invocation(GlobalOptions global, ParseResult parsed)
{
    private readonly InvocationConfiguration _streams = parsed.InvocationConfiguration;

    public TextWriter Error => _streams.Error;

    public Shell Shell => global.Shell;

    public bool Json => Get(global.Json);

    /// <summary>The database as the user wrote it.</summary>
    public string DatabasePath => global.DatabaseOf(parsed);

    /// <summary>The database if the user named one, on the command line or in the environment.</summary>
    public string? NamedDatabasePath => global.NamedDatabase(parsed);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    public T? GetOptional<T>(Argument<T> argument) => parsed.GetValue(argument);

    public ImageUseStore OpenOrCreate() => Open(DatabasePath, readOnly: false);

    public ImageUseStore OpenExisting()
    {
        RequireDatabase();
        return OpenOrCreate();
    }

    /// <summary>Opens the database for a command that only looks: nothing is created, migrated or salvaged.</summary>
    public ImageUseStore OpenReadOnly()
    {
        RequireDatabase();
        return OpenReadOnly(DatabasePath);
    }

    public ImageUseStore OpenReadOnly(string database) => Open(database, readOnly: true);

    private ImageUseStore Open(string database, bool readOnly)
    {
        using var patience = Patience("Opening the database, which is large, locked or damaged");
        return ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = database, ReadOnly = readOnly }, Shell.Time,
            new StandardErrorLog(Error));
    }

    private void RequireDatabase()
    {
        if (!FilePath.IsThere(DatabasePath))
            throw new CommandFailedException(
                $"There is no database '{Path.GetFullPath(DatabasePath)}'. Name one with --db PATH or "
                + $"{GlobalOptions.DatabaseVariable}; 'imagegc record', 'imagegc import' and 'imagegc run' create "
                + "one.");
    }

    public void WriteLine(string result) => Write(output => output.WriteLine(result));

    public void WriteJson<T>(T result, JsonTypeInfo<T> type) => WriteLine(JsonSerializer.Serialize(result, type));

    public void Write(Listing listing) => Write(output => listing.WriteTo(output, Shell));

    public void Write(IReadOnlyCollection<ImageVerdict> verdicts, bool fullIds)
    {
        if (Json)
            WriteJson(verdicts.Select(JsonVerdict.Of), JsonOutput.Default.IEnumerableJsonVerdict);
        else if (verdicts.Count > 0)
            Write(new ImageListing(Shell.Time.GetUtcNow(), fullIds).Of(verdicts));
    }

    /// <summary>Tells a person what happened; scripts that asked for JSON find it there.</summary>
    public void Tell(string message)
    {
        if (!Json)
            Error.WriteLine(message);
    }

    /// <summary>Tells what is going on, to a person who watches.</summary>
    public void Progress(string doing)
    {
        if (Shell.Watched)
            Tell(doing);
    }

    /// <summary>Until disposed: tells what is going on if that takes more than a second.</summary>
    public Patience Patience(string doing) => new(Shell.Time, () => Progress($"{doing}..."));

    public void Complain(string message) => Error.WriteLine($"imagegc: {message}");

    private void Write(Action<TextWriter> results)
    {
        try
        {
            results(_streams.Output);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                "The results could not be written to standard output, which is full or closed. "
                + $"What was changed stays changed. ({exception.Message})");
        }
    }
}

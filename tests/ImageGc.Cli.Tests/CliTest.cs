using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using ImageGc.Cli.Terminal;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Tests;

/// <summary>
/// The real command line on a real database in a directory of its own, at a time that the test moves.
/// </summary>
public abstract partial class CliTest : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");

    private protected FixedTime Time { get; } = new();

    protected int? TerminalWidth { get; set; }

    /// <summary>Whether standard error is a terminal.</summary>
    protected bool ErrorIsTerminal { get; set; }

    protected string Input { get; set; } = "";

    protected Dictionary<string, string> Variables { get; } = [];

    /// <summary>The settings file that the tests use in place of /etc/imagegc.json.</summary>
    protected string SettingsFile => PathOf("imagegc.json");

    protected string DatabasePath => PathOf("image_use.db");

    protected string PathOf(string name) => Path.Combine(_directory.FullName, name);

    /// <summary>Writes a shell script for a test to run; returns its path.</summary>
    protected string ScriptOf(string body)
    {
        var path = FileOf($"#!/bin/sh\n{body}\n", "test-script");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    protected string FileOf(string content, string name = "file")
    {
        File.WriteAllText(PathOf(name), content);
        return PathOf(name);
    }

    protected static string Id(int number) => $"sha256:{number:x64}";

    /// <summary>Runs `imagegc` on the test's database.</summary>
    private protected Result Run(params string[] args) => RunAnywhere([.. args, "--db", DatabasePath]);

    private protected Result RunAnywhere(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var environment = new ConsoleEnvironment
        {
            Time = Time,
            GetVariable = Variables.GetValueOrDefault,
            OpenStandardInput = () => new MemoryStream(Encoding.UTF8.GetBytes(Input)),
            TerminalWidth = TerminalWidth,
            ErrorIsTerminal = ErrorIsTerminal,
            SettingsFile = SettingsFile,
            DefaultDatabase = PathOf("default.db"),
        };
        var exitCode = Application.Run(
            args, environment, new InvocationConfiguration { Output = output, Error = error });
        return new Result(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>The names of all commands, as `--help` lists them.</summary>
    protected List<string> Commands()
    {
        var names = HelpRow.Matches(RunAnywhere("--help").Output).Select(row => row.Groups[1].Value).ToList();
        Assert.Superset(new HashSet<string> { "accept-engine", "check" }, names.ToHashSet());
        return names;
    }

    protected void Record(TimeSpan age, params string[] ids)
    {
        Time.Now -= age;
        using (var store = Open())
            store.RecordUse(ids);
        Time.Now += age;
    }

    /// <summary>Records the names and the size of an image, as the daemon does.</summary>
    protected void Describe(string imageId, long? bytes, params string[] names)
    {
        using var store = Open();
        store.Describe([new ImageDescription(imageId, names, bytes)]);
    }

    protected IEnumerable<string> TrackedIds()
    {
        using var store = Open();
        return [.. store.List().Select(image => image.ImageId).Order(StringComparer.Ordinal)];
    }

    public virtual void Dispose()
    {
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    [GeneratedRegex(@"^  ([a-z][a-z-]*)( <[A-Za-z|]+>)?  +[A-Z]", RegexOptions.Multiline)]
    private static partial Regex HelpRow { get; }

    protected ImageUseStore Open() =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time);
}

internal sealed record Result(int ExitCode, string Output, string Error)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

internal sealed class FixedTime : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Whether every operation seems to be slow: a timer fires as soon as it is created.</summary>
    public bool Slow { get; set; }

    public override DateTimeOffset GetUtcNow() => Now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (Slow)
            callback(state);
        return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}

using System.Runtime.CompilerServices;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;

namespace ImageGc.Docker.Tests;

/// <summary>`imagegc run` as a process with its own database, beside a real engine.</summary>
public abstract class RunCommandTest(PrivateEngine engine) : EngineTest(engine)
{
    protected static readonly TimeSpan Old = TimeSpan.FromDays(8);

    /// <summary>The environment of the program. The machine of the tests may have started a minute ago.</summary>
    protected Dictionary<string, string> Variables { get; } =
        new() { ["ImageGarbageCollection__ClockSettleTime"] = "0" };

    protected string PathOf(string name) => Path.Combine(Path.GetDirectoryName(DatabasePath)!, name);

    private protected Daemon Run(params string[] arguments) => RunAt(Engine.Address.ToString(), arguments);

    private protected Daemon RunAt(string address, params string[] arguments) =>
        new(Variables, ["run", "--db", DatabasePath, "--engine", address, .. arguments]);

    /// <summary>Records uses in the past; the cursor skips the events of the images' creation.</summary>
    protected void Record(TimeSpan age, params string[] images)
    {
        using var store = Open(new SteppingTime(DateTimeOffset.UtcNow - age));
        var now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        store.RecordUse(images, new Dictionary<string, string> { ["cursor"] = $"{now}" });
    }

    protected List<string> Tracked()
    {
        using var store = Open(TimeProvider.System);
        return [.. store.List().Select(image => image.ImageId)];
    }

    protected ImageUseStore Open(TimeProvider time) =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, time);

    /// <summary>Waits until a condition holds; a program that exits before that fails the test.</summary>
    private protected static Task UntilAsync(
        Func<bool> condition, Daemon run, [CallerArgumentExpression(nameof(condition))] string expected = "") =>
        Hosting.Tests.Until.UntilAsync(() => condition() || HasExited(run), expected);

    /// <summary>Waits until the program watches the engine.</summary>
    private protected static Task UntilItWatchesAsync(Daemon run) =>
        UntilAsync(() => run.Error.Contains("Watching", StringComparison.Ordinal), run);

    private static bool HasExited(Daemon run)
    {
        Assert.False(run.HasExited, run.Error);
        return false;
    }
}

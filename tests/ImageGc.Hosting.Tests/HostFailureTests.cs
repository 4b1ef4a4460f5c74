using System.Reflection;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting.Tests;

/// <summary>The table "When something fails" in the README of ImageGc.Hosting, row by row.</summary>
public sealed class HostFailureTests : HostTest
{
    private static readonly string[] Rows =
    [
        .. File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hosting.md"))
            .Split("| what fails |")[1].Split("\n\n")[0].Split('\n')[2..],
    ];

    public static TheoryData<string, string, string, string> Table()
    {
        var table = new TheoryData<string, string, string, string>();
        foreach (var row in Rows)
        {
            var cells = row.Split('|', StringSplitOptions.TrimEntries);
            table.Add(cells[1], cells[2], cells[3], cells[4]);
        }

        return table;
    }

    [Theory]
    [MemberData(nameof(Table))]
    public async Task Each_failure_shows_in_log_and_health_and_ends_the_host_as_the_README_says(
        string what, string events, string health, string then)
    {
        using var host = await FailAsync(what);
        if (host is null)
        {
            Assert.Equal("the start fails", then);
            return;
        }

        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        Assert.Superset(events.Split(", ").Select(int.Parse).ToHashSet(), Log.Events());
        var entry = await HealthAsync(host);
        Assert.Equal(health, entry.Status.ToString());
        Assert.Equal(PartOf(what), entry.Description?.Split(' ')[0]);
        Assert.Equal(then.StartsWith("it ends with exit code 1", StringComparison.Ordinal),
            stopping.IsCancellationRequested);
        Assert.Equal(stopping.IsCancellationRequested ? 1 : 0, Environment.ExitCode);
        if (!stopping.IsCancellationRequested)
            await host.StopAsync(Cancel);
    }

    [Theory]
    [InlineData(StoreErrorReason.Corrupt, true)]
    [InlineData(StoreErrorReason.Moved, true)]
    [InlineData(StoreErrorReason.Library, true)]
    [InlineData(StoreErrorReason.NotOurs, true)]
    [InlineData(StoreErrorReason.Busy, false)]
    [InlineData(StoreErrorReason.Full, false)]
    [InlineData(StoreErrorReason.ReadOnly, false)]
    [InlineData(StoreErrorReason.Unavailable, false)]
    [InlineData(StoreErrorReason.IoError, false)]
    [InlineData(StoreErrorReason.NewerSchema, false)]
    [InlineData(StoreErrorReason.Migration, false)]
    [InlineData(StoreErrorReason.FlatFile, false)]
    [InlineData(StoreErrorReason.Other, false)]
    public void Only_a_failure_that_needs_a_restart_ends_the_host(StoreErrorReason reason, bool ends) =>
        Assert.Equal(ends, Health.NeedsRestart(new ImageUseStoreException(reason, "x.db", "It failed.")));

    [Fact]
    public void Whether_it_ends_the_host_is_decided_for_every_reason() => Assert.Equal(
        Enum.GetValues<StoreErrorReason>().Order(),
        typeof(HostFailureTests).GetMethod(nameof(Only_a_failure_that_needs_a_restart_ends_the_host))!
            .GetCustomAttributesData().Where(data => data.AttributeType == typeof(InlineDataAttribute))
            .Select(data => (IReadOnlyCollection<CustomAttributeTypedArgument>)data.ConstructorArguments[0].Value!)
            .Select(arguments => (StoreErrorReason)(int)arguments.First().Value!).Order());

    [Fact]
    public async Task A_database_that_is_deleted_while_a_retry_waits_ends_the_host_within_a_minute()
    {
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        using var host = await LiveAsync();
        Assert.Contains(103, Log.Events());
        File.Delete(PathOf("image_use.db"));

        Time.Pass(TimeSpan.FromMinutes(1));
        await UntilAsync(() => !IsRunning(host));

        Assert.Contains(121, Log.Events());
        Assert.Equal(1, Environment.ExitCode);
    }

    [Fact]
    public async Task Health_and_status_say_since_when_an_engine_is_away()
    {
        (Engine.Failure, Workers) = (new EngineUnavailableException("The engine is away."), 2);
        using var host = Build(("WatchContainers", "true"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(106));
        await UntilAsync(
            () => ProblemsOf(host).Any(problem => problem.Part == "watching"),
            Time, TimeSpan.FromSeconds(1));
        await LiveAsync(TimeSpan.FromDays(1));

        Assert.DoesNotContain(123, Log.Events()); // Only a host that does not watch logs it there.
        var health = await HealthAsync(host);
        var since = (DateTimeOffset)health.Data["watchingSince"];
        Assert.InRange(since, SteppingTime.Start, SteppingTime.Start + TimeSpan.FromSeconds(5));
        Assert.Equal("The engine is away.", health.Data["watching"]);
        Assert.Equal("works", health.Data["database"]);
        Assert.StartsWith($"Watching has failed since {since:u}: The engine is away. ", health.Description,
            StringComparison.Ordinal);
        var problem = ProblemsOf(host)[0];
        Assert.Equal(("watching", "The engine is away."), (problem.Part, problem.Message));
        Assert.Equal(since.ToUnixTimeSeconds(), problem.Since.ToUnixTimeSeconds());

        Engine.Failure = null;
        await LiveAsync(TimeSpan.FromMinutes(16));
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        Assert.Empty(ProblemsOf(host));
        Assert.Contains(Log.Messages(LogLevel.Information), message =>
            message.StartsWith("The engine was not watched from 2026-03-01T12:0", StringComparison.Ordinal));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_host_that_waits_for_another_one_does_not_change_its_status()
    {
        using var host = await LiveAsync();
        var status = HostStatus.ReadFrom(StoreOf(host));
        Assert.Empty(status!.Problems);
        using var second = Build();
        await second.StartAsync(Cancel);
        await UntilAsync(() => Log.Events().Contains(103));

        Assert.Equivalent(status, HostStatus.ReadFrom(StoreOf(host)), strict: true);
        await second.StopAsync(Cancel);
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_failed_cleanup_is_a_problem_after_a_restart_until_it_is_made_up_for()
    {
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        using (var failed = await LiveAsync())
            await failed.StopAsync(Cancel);
        Engine.Failure = null;

        using var host = Build(("CleanupTime", "12:10"), ("ClockSettleTime", "0"));
        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("cleanup", Assert.Single(ProblemsOf(host)).Part);
        Assert.Contains(Log.Messages(LogLevel.Information), message =>
            message.EndsWith(", to make up for one that was missed", StringComparison.Ordinal));

        await LiveAsync(TimeSpan.FromMinutes(10));
        Assert.Empty(ProblemsOf(host));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_host_with_its_own_store_logs_its_path_and_needs_no_DatabasePath()
    {
        using var own = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = PathOf("own.db") }, Time);
        OwnStore = _ => own;
        using var host = Build(("DatabasePath", ""));

        await host.StartAsync(Cancel);
        await SleepAsync();
        await host.StopAsync(Cancel);

        Assert.Contains(
            $"Images are tracked in {PathOf("own.db")}, 0 so far", Log.Messages(LogLevel.Information));
        Assert.False(File.Exists(PathOf("image_use.db")));
    }

    [Fact]
    public async Task An_engine_that_is_away_at_the_start_of_a_host_that_does_not_watch_is_reported_at_once()
    {
        Engine.Failure = new EngineUnavailableException("The engine is away.");
        using var host = Build();
        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(
            [
                "The engine cannot be asked yet: The engine is away. Next tries every 1m; this is logged once",
            ],
            Log.Messages(LogLevel.Warning));
        Assert.Empty(Log.Messages(LogLevel.Error));
        Assert.Equal(
            "Cleanup has failed since 2026-03-01 12:00:00Z: The engine is away.",
            (await HealthAsync(host)).Description);

        Engine.Failure = null;
        await LiveAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        Assert.Empty(ProblemsOf(host));
        await host.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_problem_that_began_before_the_clock_was_set_gets_the_right_time()
    {
        Time.StepTo(DateTimeOffset.UnixEpoch);
        (Engine.Failure, Workers) = (new EngineUnavailableException("The engine is away."), 2);
        using var host = Build(("WatchContainers", "true"));
        await host.StartAsync(Cancel);
        await UntilAsync(() => WatchedAfterAMinute() is { Since.Year: 1970 });

        Time.StepTo(SteppingTime.Start);
        await UntilAsync(() => WatchedAfterAMinute() is { Since.Year: 2026 });

        Assert.Equal("The engine is away.", WatchedAfterAMinute()!.Message);
        await host.StopAsync(Cancel);

        HostProblem? WatchedAfterAMinute()
        {
            Time.Pass(TimeSpan.FromMinutes(1));
            return ProblemsOf(host).FirstOrDefault(problem => problem.Part == "watching");
        }
    }

    [Fact]
    public void A_problem_that_could_not_be_stored_is_stored_at_its_next_report()
    {
        using var host = Build(("BusyTimeout", "0"));
        StoreOf(host).RecordUse("an-image");
        var health = host.Services.GetRequiredService<Health>();
        host.Services.GetRequiredService<HostState>().Own();
        var failure = new EngineUnavailableException("The engine is away.");
        using (var other = new SqliteConnection($"Data Source={PathOf("image_use.db")};Pooling=false"))
        {
            other.Open();
            using var exclusive = other.BeginTransaction();
            health.Report(HostPart.Recording, failure);
            Assert.Empty(ProblemsOf(host));
        }

        health.Report(HostPart.Recording, failure);

        Assert.Equal("recording", Assert.Single(ProblemsOf(host)).Part);
    }

    /// <summary>The first word of the health check's description: the part of the host that fails first.</summary>
    private static string? PartOf(string what) => what switch
    {
        "an image cannot be removed" => null,
        "a use cannot be recorded: the disk is full, the database is locked" => "Recording",
        "the engine cannot be reached" => "Watching",
        "the disk stays too full" or "disk usage cannot be measured" => "Making",
        _ when what.Contains("the database cannot", StringComparison.Ordinal)
            || what.Contains("the open database", StringComparison.Ordinal) => "Database",
        _ => "Cleanup",
    };

    /// <summary>Starts a host in which this fails; returns null if it does not start.</summary>
    private async Task<IHost?> FailAsync(string what)
    {
        switch (what)
        {
            case "a setting is wrong":
                return await StartAsync<OptionsValidationException>(("DatabasePath", ":memory:"));
            case "`DatabasePath` names a file that is not a database of ImageGc":
                await File.WriteAllTextAsync(PathOf("notes"), "sha256:old 1700000000", Cancel);
                return await StartAsync<ImageUseStoreException>(("DatabasePath", PathOf("notes")));
            case "SQLite's native library cannot be loaded":
                OwnStore = _ => throw new ImageUseStoreException(StoreErrorReason.Library, "x.db", "No library.");
                return await StartAsync<ImageUseStoreException>();
            case "the database cannot be opened at the start":
                return await LiveAsync(("DatabasePath", PathOf("missing/image_use.db")));
            case "a use cannot be recorded: the disk is full, the database is locked":
                return await RecordLockedAsync();
            case "another host removes images by the same database":
                using (var other = ImageUseStore.Open(new() { DatabasePath = PathOf("image_use.db") }, Time))
                {
                    other.LockPrunes();
                    return await LiveAsync();
                }

            case "the engine cannot be reached":
                (Engine.Failure, Workers) = (new EngineUnavailableException("The engine is away."), 2);
                var away = await LiveAsync(("WatchContainers", "true"));
                await UntilAsync(() => Log.Events().IsSupersetOf([122, 103]), Time, TimeSpan.FromMinutes(1));
                return away;
            case "the engine was replaced":
                using (var host = Build())
                    await Collector(host).RunAsync(Cancel);
                Engine.Identity = "another";
                return await LiveAsync();
            case "an image cannot be removed":
                Engine.Images.Add(OwnEngine.Image("stuck"));
                using (var host = Build())
                    StoreOf(host).RecordUse("stuck");
                Time.Pass(TimeSpan.FromDays(8));
                return await LiveAsync();
            case "the disk stays too full":
                (Engine.UsedPercent, Workers) = (() => 95, 2);
                return await LiveAsync(("HighThreshold", "90"));
            case "disk usage cannot be measured":
                (Engine.UsedPercent, Workers) = (() => null, 2);
                return await LiveAsync(("HighThreshold", "90"));
            case "the open database was moved, replaced, deleted or damaged":
                var deleted = await LiveAsync();
                File.Delete(PathOf("image_use.db"));
                Time.Pass(TimeSpan.FromMinutes(1));
                await UntilAsync(() => Log.Events().Contains(121));
                return deleted;
            default:
                throw new NotSupportedException($"No test arranges '{what}'.");
        }
    }

    private async Task<IHost?> StartAsync<TException>(params (string Name, string Value)[] settings)
        where TException : Exception
    {
        using var host = Build(settings);
        await Assert.ThrowsAsync<TException>(() => host.StartAsync(Cancel));
        return null;
    }

    /// <summary>Starts a host, and lets the time of a cleanup pass.</summary>
    private async Task<IHost> LiveAsync(params (string Name, string Value)[] settings)
    {
        var host = Build([.. settings, ("CleanupTime", "12:10"), ("ClockSettleTime", "0")]);
        await host.StartAsync(Cancel);
        await LiveAsync(TimeSpan.FromMinutes(15));
        return host;
    }

    private async Task<IHost> RecordLockedAsync()
    {
        var host = await LiveAsync(("BusyTimeout", "0"));
        using var other = new SqliteConnection($"Data Source={PathOf("image_use.db")};Pooling=false");
        other.Open();
        using var exclusive = other.BeginTransaction();
        host.Services.GetRequiredService<IImageUseRecorder>().Record("lost");
        return host;
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancel))
            .Entries["image-garbage-collection"];

    public override void Dispose()
    {
        Environment.ExitCode = 0; // A host that failed has set it, and it would end the test run with an error.
        base.Dispose();
    }
}

using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite.Tests;

/// <summary>What is logged, what is not, and what a logger may do.</summary>
public sealed class LogTests : StoreTest
{
    [Fact]
    public void A_malformed_ID_in_use_is_logged_escaped_and_shortened()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        store.Prune(
            [$"{Id(1)}\ninfo: all is well {new string('x', 10_000)}"], new PruneOptions { AllowOtherIdForms = true });

        var warning = Assert.Single(log.Messages(LogLevel.Warning));
        Assert.Contains($"'{Id(1)}\\u000a", warning, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', warning);
        Assert.InRange(warning.Length, 0, 300);
    }

    [Fact]
    public void The_log_counts_malformed_and_null_IDs_in_use()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        store.Prune([null!, Id(1), "two words"], new PruneOptions { AllowOtherIdForms = true });

        Assert.Contains("Ignored 2 of the in-use IDs", Assert.Single(log.Messages(LogLevel.Warning)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_prune_logs_what_it_did()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        store.RecordUse([Id(1), Id(2)]);
        Time.Pass(Week);
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            store.PruneAsync([], (_, _) => stop.CancelAsync(), stop.Token));

        Assert.Contains(log.Messages(LogLevel.Information), message =>
            message.StartsWith("Pruned", StringComparison.Ordinal)
            && message.Contains("1 removed, ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_logger_can_record_a_use_while_it_logs_a_clock_step()
    {
        using var log = new TroublesomeLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        log.Store = store;
        store.RecordUse(Id(1));
        Time.StepTo(SteppingTime.Start.AddYears(1));

        await Wait.ForAsync(
            Task.Run(() => store.RecordUse(Id(1)), TestContext.Current.CancellationToken),
            "a record returns whose logger records another image");

        Assert.Equal([Id(1), Id(2)], store.List().Select(image => image.ImageId).Order());
    }

    [Fact]
    public void The_content_of_a_skipped_flat_file_line_is_never_logged()
    {
        File.WriteAllText(PathOf("image_use"), "password=secret\nsecret two\n\0secret 3\n");
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);

        store.ImportFlatFile(PathOf("image_use"));

        Assert.Equal(3, log.Messages(LogLevel.Warning).Count);
        Assert.DoesNotContain("secret", string.Join('\n', Enum.GetValues<LogLevel>().SelectMany(log.Messages)),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_logger_that_throws_does_not_make_a_call_fail(bool whenAsked)
    {
        var failure = new IOException("The log's disk is full.");
        var log = new TroublesomeLog { WhenAsked = whenAsked ? failure : null, WhenWriting = failure };
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        store.RecordUse([Id(1), Id(2)]);

        var result = await store.PruneAsync(
            [], (_, _) => Task.FromException(new IOException()), TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.Equal(2, result.Failed.Count);
        Assert.Equal([Id(1), Id(2)], store.Prune([], TimeSpan.Zero).Select(image => image.ImageId));
    }

    [Fact]
    public async Task A_removal_that_fails_is_logged_with_its_image()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        store.RecordUse([Id(1), Id(2), Id(3)]);
        Time.Pass(Week);

        await store.PruneAsync([Id(3)], (image, _) =>
            image.ImageId == Id(1) ? throw new IOException("in use") : Task.CompletedTask,
            TestContext.Current.CancellationToken);

        Assert.Contains(Id(1), Assert.Single(log.Messages(LogLevel.Warning)), StringComparison.Ordinal);
        Assert.Contains("1 removed, 0 used meanwhile, 1 failed, 2 stay tracked",
            log.Messages(LogLevel.Information)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_to_the_database_are_logged()
    {
        var log = new RecordingLog();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time, log);
        File.WriteAllText(PathOf("image_use"), $"{Id(1)} 16\n{Id(2)} 1700000000\nbad\n");

        store.ImportFlatFile(PathOf("image_use"));
        store.RecordUse([Id(3)]);
        store.RecordUse(Id(4));
        store.Forget(Id(4));
        store.Forget(Id(9));
        store.ForgetGone([store.Find(Id(3))!.Value]);
        store.Prune([]);
        store.ExportFlatFile(PathOf("export"));

        Assert.Equal(
            [$"Recorded use of {Id(3)}", $"Recorded use of {Id(4)}", $"Forgot {Id(4)}", $"Forgot {Id(3)}"],
            log.Messages(LogLevel.Debug));
        Assert.Equal(
            [
                $"Imported {PathOf("image_use")}: 2 images, 2 changed, 1 with an implausible time, 1 lines skipped",
                $"Pruned {DatabasePath}: 1 removed, 0 used meanwhile, 0 failed, 1 stay tracked, "
                    + "threshold 7d",
                $"Exported 1 images to {PathOf("export")}",
            ],
            log.Messages(LogLevel.Information).Skip(1));
    }

    private sealed class TroublesomeLog : ILoggerFactory, ILogger
    {
        public ImageUseStore? Store { get; set; }

        public Exception? WhenAsked { get; init; }

        public Exception? WhenWriting { get; init; }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => WhenAsked is null ? logLevel > LogLevel.Debug : throw WhenAsked;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (WhenWriting is not null)
                throw WhenWriting;
            Store?.RecordUse(Id(2));
        }

        public void Dispose()
        {
        }
    }
}

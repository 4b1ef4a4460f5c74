using System.Text.Json;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;

namespace ImageGc.Docker.Tests;

/// <summary>
/// `imagegc` as a process, its database and the engine's images on one file system of 4 MB that is full to the last
/// byte. Each image is a file of 256 KB on it; two of six are in use.
/// </summary>
public sealed class FullDiskRunTests : IDisposable
{
    private const int ImageBytes = 256 << 10;

    private readonly SmallDisk _disk = SmallDisk.MountOrSkip("size=4m");
    private readonly FakeDocker29 _docker = new();
    private readonly List<string> _unused = [];
    private readonly List<string> _inUse = [];

    private readonly Dictionary<string, string> _variables;

    public FullDiskRunTests()
    {
        _variables = new()
        {
            ["ImageGarbageCollection__ClockSettleTime"] = "0",
            ["ImageGarbageCollection__ImageDirectory"] = _disk.PathOf(""),
        };
        for (var i = 0; i < 6; i++)
        {
            var image = _docker.AddImage($"app:{i}");
            File.WriteAllBytes(_disk.PathOf(image), new byte[ImageBytes]);
            (i % 3 == 0 ? _inUse : _unused).Add(image);
        }

        _inUse.ForEach(image => _docker.AddContainer(image));
        _docker.After = request => FreeRemoved();
        var then = new SteppingTime(DateTimeOffset.UtcNow - TimeSpan.FromDays(8));
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, then);
        var now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        store.RecordUse(_unused.Concat(_inUse), new Dictionary<string, string> { ["cursor"] = $"{now}" });
        store.LockPrunes(); // Creates the lock file, which needs an inode.
    }

    private string DatabasePath => _disk.PathOf("image_use.db");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Once_removes_what_expired_and_nothing_else()
    {
        _disk.FillUp();

        using var run = Run("--once", "--json");

        Assert.Equal((0, ""), (await run.EndAsync(), Problems(run)));
        var images = JsonDocument.Parse(await run.Output).RootElement.GetProperty("images").EnumerateArray().ToList();
        Assert.Equal(_unused.Order(), images.Select(image => image.GetProperty("imageId").GetString()).Order());
        Assert.All(images, image => Assert.Equal(
            ("Removed", ImageBytes, "Disk"),
            (image.GetProperty("reason").GetString(), image.GetProperty("freedBytes").GetInt32(),
                image.GetProperty("freedBy").GetString())));
        AssertAllAgree(PruneKind.Scheduled);
    }

    [Fact]
    public async Task Prune_with_a_command_removes_what_expired_and_nothing_else()
    {
        await File.WriteAllLinesAsync(_disk.PathOf("in_use"), _inUse, Cancel);
        _disk.FillUp();

        using var prune = new Daemon(
            _variables, "prune", "--db", DatabasePath, "--in-use-file", _disk.PathOf("in_use"),
            "--run", $"rm {_disk.PathOf("{}")}");

        Assert.Equal(0, await prune.EndAsync());
        Assert.Equal(_inUse.Order(), Files());
        using var store = OpenReadOnly();
        Assert.Equal(_inUse.Order(), store.List().Select(image => image.ImageId).Order());
        Assert.Equal(_unused.Order(), store.ListRemoved().Select(removed => removed.Image.ImageId).Order());
    }

    [Fact]
    public async Task An_image_removed_before_a_kill_is_recorded_as_gone_by_the_next_run()
    {
        _disk.FillUp();
        Daemon? run = null;
        _docker.After = request =>
        {
            FreeRemoved();
            if (request.StartsWith("DELETE", StringComparison.Ordinal))
                run!.Kill();
        };
        using (run = Run("--once"))
            await run.EndAsync();
        var gone = Assert.Single(_unused.Except(_docker.ImageIds));
        using (var store = OpenReadOnly())
            Assert.Equal(6, store.Count());

        _docker.After = _ => FreeRemoved();
        using var next = Run("--once");

        Assert.Equal((0, ""), (await next.EndAsync(), Problems(next)));
        AssertAllAgree(PruneKind.Scheduled, (gone, PruneKind.Gone));
    }

    [Fact]
    public async Task Removals_that_cannot_be_recorded_on_a_full_disk_stay_tracked_until_the_next_run()
    {
        _disk.FillUp();
        _docker.After = request =>
        {
            FreeRemoved();
            Refill();
        };

        using var run = Run("--once");

        Assert.Equal(1, await run.EndAsync());
        Assert.Equal(_inUse.Order(), _docker.ImageIds.Order());
        Assert.Contains("Removed 4 images", run.Error, StringComparison.Ordinal);
        Assert.Contains("4 removed images could not be recorded as removed", run.Error, StringComparison.Ordinal);
        _docker.After = _ => { };
        File.Delete(_disk.PathOf("filling"));
        using var next = Run("--once");
        Assert.Equal((0, ""), (await next.EndAsync(), Problems(next)));
        AssertAllAgree(PruneKind.Gone);
    }

    [Fact]
    public async Task Without_an_inode_left_it_removes_what_expired_and_nothing_else()
    {
        Shell.Run("mount", "-o", "remount,nr_inodes=12", _disk.PathOf(""));
        Shell.Run("sh", "-c", $"i=0; while touch {_disk.PathOf("inode-$i")}; do i=$((i+1)); done 2>/dev/null; true");

        using var run = Run("--once");

        Assert.Equal((0, ""), (await run.EndAsync(), Problems(run)));
        AssertAllAgree(PruneKind.Scheduled);
    }

    [Fact]
    public async Task Once_ends_with_1_if_the_disk_stays_too_full_and_says_what_fills_it()
    {
        _disk.FillUp();

        using var run = Run("--once", "--high-threshold", "2MB", "--low-threshold", "3MB");

        Assert.Equal(1, await run.EndAsync());
        Assert.Equal(4, (await run.Output).Split("removed\t").Length - 1);
        Assert.Matches(@"imagegc: The disk is \d\d% full, \d+ kB free; at least 2 MB must stay free. No other "
            + @"unused image can be removed now. Images take up to 2 kB: 2 kB in use; everything else takes 3.\d+ MB "
            + "or more. To see more, run 'du -xh' and the engine's 'system df'.", run.Error);
        Assert.Contains("Removed 4 images", run.Error, StringComparison.Ordinal);
        AssertAllAgree(PruneKind.Scheduled);
    }

    [Fact]
    public async Task Without_a_database_and_space_for_one_nothing_is_removed()
    {
        foreach (var file in Directory.EnumerateFiles(_disk.PathOf(""), "image_use.db*"))
            File.Delete(file);
        _disk.FillUp();

        using var run = Run("--once");

        Assert.Equal(1, await run.EndAsync());
        Assert.Equal(6, _docker.ImageIds.Count);
        Assert.Contains("has no space, no inodes or no quota left. Free some", run.Error, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _docker.Dispose();
        _disk.Dispose();
    }

    private Daemon Run(params string[] arguments) =>
        new(_variables, ["run", "--db", DatabasePath, "--engine", $"{_docker.Address}", .. arguments]);

    /// <summary>Frees the space of removed images, as an engine does.</summary>
    private void FreeRemoved() =>
        Files().Except(_docker.ImageIds).ToList().ForEach(image => File.Delete(_disk.PathOf(image)));

    private void Refill()
    {
        using var filling = new FileStream(
            _disk.PathOf("filling"), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                filling.Write(new byte[1024]);
        }
        catch (IOException)
        {
            // The disk is full again.
        }
    }

    private List<string> Files() =>
    [
        .. Directory.EnumerateFiles(_disk.PathOf(""), "sha256:*").Select(path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal),
    ];

    private ImageUseStore OpenReadOnly() =>
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath, ReadOnly = true });

    /// <summary>Every unused image is removed, and rows, history and engine agree.</summary>
    private void AssertAllAgree(PruneKind kind, params (string ImageId, PruneKind Kind)[] others)
    {
        using var store = OpenReadOnly();
        Assert.Equal(_inUse.Order(), _docker.ImageIds.Order());
        Assert.Equal(_inUse.Order(), store.List().Select(image => image.ImageId).Order());
        var removed = _unused.Except(others.Select(other => other.ImageId)).Select(image => (image, kind));
        Assert.Equal(
            others.Concat(removed).Order(),
            store.ListRemoved().Select(image => (image.Image.ImageId, image.Kind)).Order());
        Assert.Empty(store.Check().Damage);
    }

    private static string Problems(Daemon run) => string.Join('\n', run.Error.Split('\n').Where(line =>
        line.Contains("fail: ", StringComparison.Ordinal)
            || (line.StartsWith("imagegc: ", StringComparison.Ordinal)
                && !line.StartsWith("imagegc: warning: ", StringComparison.Ordinal))));
}

using System.Collections.Concurrent;
using Kind = ImageGc.Sqlite.Tests.ClockWorld.Kind;

namespace ImageGc.Sqlite.Tests;

/// <summary>Thousands of lives of devices whose clocks are wrong, each judged by the time that really passed.</summary>
public sealed class ClockWorldsTests : IDisposable
{
    private static readonly int Worlds =
        int.Parse(Environment.GetEnvironmentVariable("IMAGEGC_CLOCK_WORLDS") ?? "250", null);

    private const int FirstSeed = 1_000_000; // Each kind has its own seeds.

    /// <summary>The only world to run, with a trace of its events.</summary>
    private static readonly string? Seed = Environment.GetEnvironmentVariable("IMAGEGC_CLOCK_WORLD");

    private readonly DirectoryInfo _directory = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"imagegc-worlds-{Guid.NewGuid():N}"));

    [Theory]
    [InlineData((int)Kind.Plain)]
    [InlineData((int)Kind.SameBootId)]
    [InlineData((int)Kind.TimeNamespace)]
    [InlineData((int)Kind.NoBootId)]
    [InlineData((int)Kind.Snapshots)]
    [InlineData((int)(Kind.SameBootId | Kind.TimeNamespace | Kind.NoBootId | Kind.Snapshots))]
    public void No_wrong_clock_removes_an_image_too_early_or_keeps_it_for_ever(int kind)
    {
        var template = Path.Combine(_directory.FullName, "template.db");
        ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = template }).Dispose();
        var lives = new ConcurrentBag<(int Seed, ClockWorld World)>();

        Parallel.ForEach(Seed is null ? Enumerable.Range(kind * FirstSeed, Worlds) : [int.Parse(Seed, null)],
            new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
            {
                var path = Path.Combine(_directory.FullName, $"{seed}.db");
                File.Copy(template, path);
                Action<string>? trace = Seed is null ? null : TestContext.Current.TestOutputHelper!.WriteLine;
                using (var world = new ClockWorld(seed, (Kind)kind, path, trace))
                {
                    world.Live();
                    lives.Add((seed, world));
                }

                File.Delete(path);
            });

        var worlds = lives.OrderBy(life => life.Seed).Select(life => life.World).ToList();
        TestContext.Current.SendDiagnosticMessage(
            $"{(Kind)kind}, {worlds.Count} worlds: {worlds.Sum(world => world.Removed)} images removed, "
            + $"{worlds.Sum(world => world.RemovedTooEarly)} too early, {worlds.Sum(world => world.Leaked)} leaked; "
            + $"by wall time alone {worlds.Sum(world => world.RemovedByWallAlone)} removed, "
            + $"{worlds.Sum(world => world.RemovedTooEarlyByWallAlone)} too early.");
        Assert.Equal("", Seeds(lives, world => world.RemovedTooEarly));
        Assert.Equal("", Seeds(lives, world => world.Leaked));
        Assert.True(Seed is not null || worlds.Sum(world => world.RemovedTooEarlyByWallAlone) > worlds.Count / 10);
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private static string Seeds(IEnumerable<(int Seed, ClockWorld World)> lives, Func<ClockWorld, int> wrong) =>
        string.Join(' ', lives.Where(life => wrong(life.World) > 0).Select(life => life.Seed).Order());
}

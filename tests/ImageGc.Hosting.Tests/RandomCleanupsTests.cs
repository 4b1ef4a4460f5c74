using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Hosting.Tests;

/// <summary>
/// Random worlds of images and containers, checked against a model of the contract: no image is removed that a
/// container uses or mounts, that a rule keeps or that is young; none leaks; and the history lists every removed one.
/// </summary>
public sealed class RandomCleanupsTests
{
    private static readonly int Worlds = int.Parse(Environment.GetEnvironmentVariable("IMAGEGC_WORLDS") ?? "150", null);

    [Fact]
    public async Task No_used_or_kept_image_is_removed_none_leaks_and_the_history_is_complete()
    {
        var removed = 0;
        for (var seed = 1; seed <= Worlds; seed++)
        {
            using var world = new World(seed);
            try
            {
                removed += await world.LiveAsync();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"In world {seed}: {exception.Message}", exception);
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{Worlds} worlds, {removed} images removed.");
        Assert.True(removed > Worlds);
    }

    private sealed class World(int seed) : HostTest
    {
        private const int KeepNewest = 1;
        private static readonly TimeSpan Threshold = TimeSpan.FromDays(7);
        private readonly Random _random = new(seed);
        private readonly Dictionary<string, DateTimeOffset> _lastUsed = [];
        private readonly Dictionary<string, IReadOnlyList<string>> _described = [];
        private readonly HashSet<string> _removed = [];
        private readonly HashSet<string> _lost = [];
        private readonly HashSet<string> _troubled = [];
        private readonly List<string> _wrong = [];
        private HashSet<string> _kept = [];
        private IHost? _host;
        private int _last;
        private bool _listedNothing;

        private ImageUseStore Store => StoreOf(_host!);

        private HashSet<string> InUse => [.. Engine.Containers.SelectMany(container => container.ImageIds)];

        public async Task<int> LiveAsync()
        {
            Restart();
            for (var step = 0; step < 80; step++)
            {
                Happen();
                Time.Pass(TimeSpan.FromMinutes(1 + _random.Next(600)));
                if (_random.Next(5) == 0)
                    await CleanUpAsync(withFaults: true);
            }

            for (var day = 0; day < 3; day++)
            {
                await CleanUpAsync(withFaults: false);
                Time.Pass(TimeSpan.FromDays(1));
            }

            var history = Store.ListRemoved().Select(removed => removed.Image.ImageId).Order().ToList();
            var tracked = Store.List().Select(image => image.ImageId).ToList();
            Assert.Equal(_removed.Union(_lost.Where(_lastUsed.ContainsKey)).Order(), history);
            Assert.Empty(tracked.Except(Engine.Images.Select(image => image.ImageId)));
            return _removed.Count;
        }

        private void Restart()
        {
            _host?.Dispose();
            _host = Build(
                ("Durability", "Normal"), ("KeepImages", "repository-0:1"), ("KeepLabels", "keep"),
                ("KeepNewest", $"{KeepNewest}"));
        }

        private void Happen()
        {
            switch (_random.Next(9))
            {
                case 0 or 1 or 2:
                    AddImage();
                    break;
                case 3 or 4 when Engine.Images.Count > 0:
                    AddContainer();
                    break;
                case 5 or 6 when Engine.Containers.Count > 0:
                    var ended = Any(Engine.Containers);
                    Engine.Containers.Remove(ended);
                    Record(ended.ImageIds);
                    break;
                case 7 when Engine.Images.Find(IsFree) is { } lost:
                    Engine.Images.Remove(lost);
                    _lost.Add(lost.ImageId);
                    break;
                case 8:
                    Restart();
                    break;
            }
        }

        private void AddImage()
        {
            var name = $"repository-{_random.Next(3)}:{_random.Next(2)}";
            var others = Engine.Images.ConvertAll(
                other => other with { Names = [.. other.Names.Where(one => one != name)] });
            Engine.Images.Clear();
            Engine.Images.AddRange(others); // The new image takes over the name.
            Engine.Images.Add(OwnEngine.Image($"image-{++_last}", _random.Next(4) == 0 ? [] : [name]) with
            {
                ParentId = Engine.Images.Count > 0 && _random.Next(3) == 0 ? Any(Engine.Images).ImageId : null,
                Labels = _random.Next(10) == 0 ? new Dictionary<string, string> { ["keep"] = "" } : [],
            });
            if (_random.Next(5) > 0)
                Record([$"image-{_last}"]);
        }

        private void AddContainer()
        {
            List<string> images = [Any(Engine.Images).ImageId];
            if (_random.Next(3) == 0)
                images.Add(Any(Engine.Images).ImageId); // This one is mounted.
            Engine.Containers.Add(OwnEngine.Container($"container-{++_last}", [.. images]));
            if (_random.Next(4) > 0) // The runtime does not record every container.
                Record(images);
        }

        private void Record(IEnumerable<string> images)
        {
            Store.RecordUse(images);
            foreach (var image in images)
                _lastUsed[image] = Time.GetUtcNow();
        }

        private async Task CleanUpAsync(bool withFaults)
        {
            var all = Engine.Images.ToList();
            // A second empty list would be trusted.
            var listsNothing = withFaults && !_listedNothing && _random.Next(10) == 0;
            _listedNothing = listsNothing;
            _troubled.Clear();
            var kill = withFaults && _random.Next(6) == 0 ? _random.Next(4) : -1;
            using var killed = new CancellationTokenSource();
            var removals = 0;
            Engine.Removing = image =>
            {
                RequireFree(image);
                if (withFaults && _random.Next(3) == 0) // The runtime does not record it.
                    Engine.Containers.Add(OwnEngine.Container($"container-{++_last}", Any(Engine.Images).ImageId));
                if ((withFaults && _random.Next(8) == 0) || InUse.Contains(image))
                {
                    _troubled.Add(image);
                    throw _random.Next(2) == 0 ? new TimeoutException("It hangs.") : new IOException("It is refused.");
                }

                var isRefused = Engine.Images.Exists(other => other.ParentId == image);
                if (!isRefused)
                    _removed.Add(image);
                if (removals++ != kill)
                    return;
                if (!isRefused)
                    Engine.Images.RemoveAll(other => other.ImageId == image);
                killed.Cancel(); // The row stays, as when the process is killed between the two.
                throw new OperationCanceledException(killed.Token);
            };
            Engine.ListsNothing = listsNothing;
            foreach (var used in InUse.Where(_lastUsed.ContainsKey))
                _lastUsed[used] = Time.GetUtcNow();
            if (!listsNothing)
                Describe(all);
            _kept = Kept();
            var expected = listsNothing ? [] : Expected();
            try
            {
                await _host!.Services.GetRequiredService<Cleanup>()
                    .RunAsync(PruneKind.Scheduled, null, null, killed.Token);
                Assert.Equal([], expected.Except([.. _removed, .. _troubled, .. InUse])
                    .Where(image => !HasChildren(image)));
            }
            catch (OperationCanceledException)
            {
                Restart();
            }
            catch (TimeoutException)
            {
                Assert.True(_troubled.Count >= 3);
            }

            Assert.Equal([], _wrong);
            Engine.ListsNothing = false;
            foreach (var used in InUse.Where(_lastUsed.ContainsKey)) // The run saw it in use before a removal.
                _lastUsed[used] = Store.Find(used)!.Value.LastUsedAt;
            var there = Engine.Images.Select(image => image.ImageId).Where(_lastUsed.ContainsKey);
            Assert.Empty(there.Except(Store.List().Select(image => image.ImageId)));
        }

        /// <remarks>It collects errors, because an exception would only count as a failed removal.</remarks>
        private void RequireFree(string image)
        {
            if (InUse.Contains(image))
                _wrong.Add($"{image} is in use");
            if (_kept.Contains(image))
                _wrong.Add($"{image} is kept");
            if (Time.GetUtcNow() - _lastUsed[image] < Threshold)
                _wrong.Add($"{image} is young");
        }

        private void Describe(List<EngineImage> images)
        {
            foreach (var image in images.Where(image => image.Names.Count > 0 && _lastUsed.ContainsKey(image.ImageId)))
                _described[image.ImageId] = image.Names;
        }

        private HashSet<string> Kept()
        {
            var kept = Engine.Images.Where(image => image.Names.Contains("repository-0:1")
                || image.Labels.ContainsKey("keep")).Select(image => image.ImageId).ToHashSet();
            for (var number = 0; number < 3; number++)
            {
                var newest = Engine.Images
                    .Where(image => InUse.Contains(image.ImageId) || _lastUsed.ContainsKey(image.ImageId))
                    .Where(image => (image.Names.Count > 0 ? image.Names
                        : _lastUsed.ContainsKey(image.ImageId) ? _described.GetValueOrDefault(image.ImageId, []) : [])
                        .Any(name => name.StartsWith($"repository-{number}:", StringComparison.Ordinal)))
                    .OrderByDescending(image => InUse.Contains(image.ImageId))
                    .ThenByDescending(image => _lastUsed.GetValueOrDefault(image.ImageId))
                    .ThenBy(image => image.ImageId, StringComparer.Ordinal)
                    .Take(KeepNewest);
                kept.UnionWith(newest.Select(image => image.ImageId));
            }

            return kept;
        }

        /// <summary>The images that must be gone afterwards, unless another image is built on them.</summary>
        private List<string> Expected() =>
            [.. Engine.Images.Select(image => image.ImageId).Where(image => _lastUsed.TryGetValue(image, out var used)
                && Time.GetUtcNow() - used >= Threshold && !InUse.Contains(image) && !_kept.Contains(image))];

        private bool IsFree(EngineImage image) => !InUse.Contains(image.ImageId) && !HasChildren(image.ImageId);

        private bool HasChildren(string image) => Engine.Images.Exists(other => other.ParentId == image);

        private T Any<T>(List<T> list) => list[_random.Next(list.Count)];
    }
}

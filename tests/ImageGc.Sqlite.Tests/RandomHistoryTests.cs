using CsCheck;

namespace ImageGc.Sqlite.Tests;

/// <summary>
/// Random histories against <see cref="Rules"/>; a failure shrinks to the shortest one that still fails.
/// </summary>
public sealed class RandomHistoryTests : StoreTest
{
    private static readonly int Cases =
        int.Parse(Environment.GetEnvironmentVariable("IMAGEGC_HISTORIES") ?? "2000", null);

    private static readonly Gen<string> GenImage = Gen.Int[1, 6].Select(Id);
    private static readonly Gen<string[]> GenImages = GenImage.Array[0, 5];
    private static readonly Gen<TimeSpan> GenThreshold =
        OneOf(0, 1, 10, 604_800).Select(seconds => TimeSpan.FromSeconds(seconds));

    private static readonly Gen<Event> GenEvent = Gen.Frequency(
        (6, GenImage.Select(image => (Event)new Record([image]))),
        (2, GenImages.Select(images => (Event)new Record(images))),
        (6, OneOf(1, 9, 10, 11, 300_000, 604_800).Select(seconds => (Event)new Pass(seconds))),
        (3, OneOf(-31_536_000, -3600, -1, 1, 3600, 31_536_000, 1_770_000_000, -1_770_000_000)
            .Select(seconds => (Event)new Step(seconds))),
        (4, Gen.Select(GenImages, GenThreshold, (inUse, threshold) => (Event)new Prune(inUse, threshold))),
        (4, Gen.Select(GenImages, GenThreshold, GenImages, GenImages, (inUse, threshold, failing, used) =>
            (Event)new PruneWithRemoval(inUse, threshold, failing, used))),
        (1, GenImage.Select(image => (Event)new Forget(image))),
        (2, Gen.Select(GenImages, OneOf(-1, 0, 1, 3600, 604_800, 1_770_000_000), (images, age) =>
            (Event)new Import(images, age))),
        (1, Gen.Const((Event)new Reopen())));

    [Fact]
    public void Every_history_ends_as_the_rules_say()
    {
        Open().Dispose();
        var cases = 0;

        Gen.Select(Gen.Bool, GenEvent.Array[1, 25]).Sample((knowsTheTime, history) =>
            Follow(knowsTheTime, history, Interlocked.Increment(ref cases)), iter: Cases, print: history =>
                string.Join("; ", history.Item2.Select(e => e.ToString())));

        TestContext.Current.SendDiagnosticMessage($"{cases} random histories agree with the rules.");
        Assert.True(cases >= Cases);
    }

    private void Follow(bool knowsTheTime, Event[] history, int number)
    {
        var path = PathOf($"{number}.db");
        File.Copy(DatabasePath, path);
        var time = new SteppingTime(knowsTheTime ? SteppingTime.Start : DateTimeOffset.UnixEpoch.AddSeconds(100));
        var (rules, boots) = (Rules.Empty, new BootRules(time.GetUtcNow()));
        var store = Reopened();
        foreach (var happening in history)
        {
            switch (happening)
            {
                case Record record:
                    store.RecordUse(record.Images);
                    rules = rules.Recorded(boots.Change(rules), record.Images);
                    break;
                case Pass pass:
                    time.Pass(TimeSpan.FromSeconds(pass.Seconds));
                    boots.Pass(pass.Seconds);
                    break;
                case Step step when boots.WallSeconds + step.Seconds is > 0 and < 4_000_000_000:
                    time.StepTo(time.GetUtcNow().AddSeconds(step.Seconds));
                    boots.Step(step.Seconds);
                    break;
                case Prune prune:
                    Assert.Equal(
                        rules.Pruned(boots.Read(rules), prune.InUse, prune.Threshold).Expired
                            .Select(image => image.ImageId).Order(StringComparer.Ordinal),
                        store.ExplainPrune(prune.InUse, prune.Threshold)
                            .Where(verdict => verdict.Reason == PruneReason.Expired)
                            .Select(verdict => verdict.Image.ImageId).Order(StringComparer.Ordinal));
                    (rules, var expired) = rules.Pruned(boots.Change(rules), prune.InUse, prune.Threshold);
                    Assert.Equal(expired, Rows(store.Prune(prune.InUse, prune.Threshold)));
                    break;
                case PruneWithRemoval prune:
                    var now = boots.Change(rules);
                    rules = rules.InUseRecorded(now, prune.InUse);
                    var removals = rules.Removals(
                        now, prune.InUse, prune.Threshold, prune.Failing.Contains, prune.UsedDuringFirst).ToList();
                    Assert.Equal(removals.OrderBy(removal => removal.Result)
                        .Select(removal => (removal.ImageId, removal.Result)), Removals(store, prune));
                    rules = removals.Select(removal => removal.After).LastOrDefault(rules);
                    break;
                case Forget forget:
                    Assert.Equal(
                        rules.Images(boots.Change(rules)).Any(image => image.ImageId == forget.Image),
                        store.Forget(forget.Image));
                    rules = rules.Forgotten(forget.Image);
                    break;
                case Import import:
                    var at = Math.Max(0, boots.WallSeconds - import.Age);
                    File.WriteAllLines(path + ".import", import.Images.Select(image => $"{image} {at}"));
                    store.ImportFlatFile(path + ".import");
                    rules = rules.Imported(boots.Change(rules), at * 1000, import.Images);
                    break;
                case Reopen:
                    store.Dispose();
                    store = Reopened();
                    boots.Reopen(rules);
                    break;
            }

            Assert.Equal(rules.Images(boots.Read(rules)), Rows(store.List()));
        }

        store.Dispose();
        File.Delete(path);

        ImageUseStore Reopened() => ImageUseStore.Open(
            new ImageUseStoreOptions { DatabasePath = path, Durability = Durability.Normal }, time);
    }

    private static Gen<long> OneOf(params long[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static IEnumerable<(string, RemovalResult)> Removals(ImageUseStore store, PruneWithRemoval prune)
    {
        var first = true;
        var result = store.PruneAsync(prune.InUse, (image, _) =>
        {
            if (first)
                store.RecordUse(prune.UsedDuringFirst);
            first = false;
            return prune.Failing.Contains(image.ImageId) ? throw new IOException() : Task.CompletedTask;
        }, prune.Threshold, CancellationToken.None).Result;
        return [
            .. result.Removed.Select(image => (image.ImageId, RemovalResult.Removed)),
            .. result.UsedMeanwhile.Select(image => (image.ImageId, RemovalResult.UsedMeanwhile)),
            .. result.Failed.Select(failure => (failure.Image.ImageId, RemovalResult.Failed))];
    }

    private static IEnumerable<(string, long)> Rows(IEnumerable<ImageUse> images) =>
        images.Select(image => (image.ImageId, image.LastUsedAt.ToUnixTimeSeconds()));

    internal abstract record Event;

    internal sealed record Record(string[] Images) : Event
    {
        public override string ToString() => $"record {Short(Images)}";
    }

    internal sealed record Pass(long Seconds) : Event;

    internal sealed record Step(long Seconds) : Event;

    internal sealed record Prune(string[] InUse, TimeSpan Threshold) : Event
    {
        public override string ToString() => $"prune in use {Short(InUse)} threshold {Threshold}";
    }

    internal sealed record PruneWithRemoval(
        string[] InUse, TimeSpan Threshold, string[] Failing, string[] UsedDuringFirst) : Event
    {
        public override string ToString() =>
            $"prune in use {Short(InUse)} threshold {Threshold} failing {Short(Failing)} used {Short(UsedDuringFirst)}";
    }

    internal sealed record Forget(string Image) : Event;

    internal sealed record Import(string[] Images, long Age) : Event
    {
        public override string ToString() => $"import {Short(Images)} age {Age}";
    }

    internal sealed record Reopen : Event;

    private static string Short(string[] images) => $"[{string.Join(' ', images.Select(image => image[^1]))}]";
}

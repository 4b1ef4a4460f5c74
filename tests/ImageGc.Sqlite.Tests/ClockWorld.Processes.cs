namespace ImageGc.Sqlite.Tests;

internal sealed partial class ClockWorld
{
    private Process AnyProcess()
    {
        if (_processes.Count < MostProcesses && (_processes.Count == 0 || Chance(0.2)))
            _processes.Add(Start());
        return _processes[_random.Next(_processes.Count)];
    }

    private Process Start()
    {
        DeviceClock clock = _device;
        if (_kind.HasFlag(Kind.NoBootId) && Chance(0.5))
            clock = _device.WithoutBootId();
        else if (_kind.HasFlag(Kind.TimeNamespace) && Chance(0.5))
            clock = _device.InTimeNamespace("ahead", TimeSpan.FromDays(20));
        var process = new ProcessClock(clock);
        Trace($"a process starts, {clock.BootId}");
        return new Process(process, ImageUseStore.Open(new ImageUseStoreOptions
        {
            DatabasePath = _path,
            Durability = Durability.Normal,
            ImageAgeCleanupThreshold = TimeSpan.FromMilliseconds(_threshold),
            Clock = process,
        }));
    }

    private void End(Process process, bool killed)
    {
        Trace($"a process {(killed ? "is killed" : "ends")}, {process.Clock.BootId}");
        process.Clock.Killed = killed;
        process.Store.Dispose();
    }

    private void Record(Process process, string[] images)
    {
        Trace($"record {string.Join(' ', images)}, {process.Clock.BootId}");
        process.Store.RecordUse(images);
        Wrote(process);
        _trueUses = _trueUses.Recorded(Moment.OfWall(_device.Now), images);
        _tracked = _tracked.Recorded(Moment.OfWall(_seen), images);
        _byWallAlone = _byWallAlone.Recorded(Moment.OfWall(_device.Wall), images);
    }

    private void Prune(Process process, string[] inUse)
    {
        Trace($"prune, in use {string.Join(' ', inUse)}, {process.Clock.BootId}");
        var explained = Chance(0.3) ? process.Store.ExplainPrune(inUse) : null;
        var removed = process.Store.Prune(inUse).Select(image => image.ImageId).ToList();
        if (explained is not null)
        {
            Assert.Equal(removed.Order(), explained.Where(verdict => verdict.Reason == PruneReason.Expired)
                .Select(verdict => verdict.Image.ImageId).Order());
        }

        Wrote(process);
        var (now, seen) = (Moment.OfWall(_device.Now), Moment.OfWall(_seen));
        var threshold = TimeSpan.FromMilliseconds(_threshold);
        _trueUses = _trueUses.InUseRecorded(now, inUse);
        var old = _trueUses.Expired(now, inUse, threshold).Select(image => image.ImageId).ToHashSet();
        Removed += removed.Count;
        RemovedTooEarly += removed.Except(old).Count();
        foreach (var (image, usedAt) in _trueUses.Images(now).Where(image => removed.Contains(image.ImageId)))
        {
            Trace($"{(old.Contains(image) ? "removed" : "TOO EARLY")} {image}, "
                + $"unused for {Span(_device.Now - (usedAt * Second))} of {Span(_threshold)}");
        }

        _tracked = _tracked.InUseRecorded(seen, inUse).Forgotten(removed);
        foreach (var (image, usedAt) in _tracked.Expired(seen, inUse, 2 * threshold))
        {
            Leaked++;
            Trace($"LEAKED {image}: seen running for {Span(_seen - (usedAt * Second))} since its use, "
                + $"of {Span(_threshold)}");
        }

        (_byWallAlone, var byWallAlone) = _byWallAlone.Pruned(Moment.OfWall(_device.Wall), inUse, threshold);
        RemovedByWallAlone += byWallAlone.Count;
        RemovedTooEarlyByWallAlone += byWallAlone.Count(image => !old.Contains(image.ImageId));
    }

    /// <summary>
    /// How long the device was seen running, at least: the time from one write to the next one if one and the same
    /// clock measured both, and the time from a boot's beginning to its first write if its ID says that it is new.
    /// So what a boot ran after its last write is not counted, nor is what passes between the writes of two processes
    /// that do not know of each other that they share a boot.
    /// </summary>
    private void Wrote(Process process)
    {
        if (_lastWrite is { } last && last.BootId == process.Clock.BootId)
            _seen += _device.Now - last.At;
        else if (_lastWrite is null && _kind == Kind.Plain)
            _seen += _device.SinceBoot;
        _lastWrite = (process.Clock.BootId, _device.Now);
    }
}

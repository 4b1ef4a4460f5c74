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
        foreach (var image in images)
        {
            _uses[image] = new Use(_device.Now, _seen);
            (_lastUsedAt[image], _byWallAlone[image]) = (_device.Now, _device.Wall);
        }
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
        foreach (var image in inUse.Where(_uses.ContainsKey))
            _uses[image] = new Use(_device.Now, _seen);

        Removed += removed.Count;
        foreach (var image in removed)
        {
            var unused = _device.Now - _uses[image].At;
            RemovedTooEarly += unused < _threshold ? 1 : 0;
            Trace($"{(unused < _threshold ? "TOO EARLY" : "removed")} {image}, unused for {Span(unused)} "
                + $"of {Span(_threshold)}");
            _uses.Remove(image);
        }

        foreach (var (image, use) in _uses.Where(use => _seen - use.Value.Seen >= 2 * _threshold).ToList())
        {
            Leaked++;
            Trace($"LEAKED {image}: seen running for {Span(_seen - use.Seen)} since its use, of {Span(_threshold)}");
        }

        PruneByWallAlone(inUse);
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

    /// <summary>What a table of wall times decides: one later than now or before 2015 counts as used now.</summary>
    private void PruneByWallAlone(string[] inUse)
    {
        foreach (var (image, usedAt) in _byWallAlone.ToList())
        {
            if (inUse.Contains(image) || usedAt > _device.Wall
                || (usedAt < Now.EarliestPlausible && _device.Wall >= Now.EarliestPlausible))
            {
                _byWallAlone[image] = _device.Wall;
                _lastUsedAt[image] = inUse.Contains(image) ? _device.Now : _lastUsedAt[image];
            }
            else if (_device.Wall - usedAt >= _threshold)
            {
                _byWallAlone.Remove(image);
                RemovedByWallAlone++;
                RemovedTooEarlyByWallAlone += _device.Now - _lastUsedAt[image] < _threshold ? 1 : 0;
            }
        }
    }
}

namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>What a power cut left of a directory: its files by name.</summary>
internal sealed record DiskImage(SortedDictionary<string, byte[]> Files);

/// <summary>
/// A directory on a medium: the names that its last sync made durable, and the changes of names since. It follows a
/// <see cref="Recording"/>, and returns what a power cut could leave at that point.
/// </summary>
internal sealed class SimulatedDisk(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<NameChange> _unsynced = [];
    private readonly Dictionary<string, DiskFile> _durable = [];
    private readonly Dictionary<string, DiskFile> _now = [];

    /// <summary>A file gets a name, loses one, or both.</summary>
    private readonly record struct NameChange(DiskFile File, string? Gets, string? Loses);

    /// <summary>Whether a power cut could leave different disk images.</summary>
    public bool HasUnsynced => _unsynced.Count > 0 || _now.Values.Any(file => file.HasUnsynced);

    /// <summary>Returns whether the event changes what a power cut could leave.</summary>
    public bool Follow(Happening happening)
    {
        switch (happening)
        {
            case Happening.Began:
                return false;
            case Happening.Opened opened:
                return Open(opened.File);
            case Happening.Wrote wrote:
                _now[wrote.File].Write(wrote.Offset, wrote.Data);
                break;
            case Happening.Truncated truncated:
                _now[truncated.File].Truncate(truncated.Size);
                break;
            case Happening.Synced synced:
                _now[synced.File].Sync();
                break;
            case Happening.SyncFailed failed:
                _now[failed.File].FailSync(_random);
                break;
            case Happening.Deleted deleted:
                Rename(new NameChange(_now[deleted.File], Gets: null, deleted.File));
                break;
            case Happening.Renamed renamed:
                Rename(new NameChange(_now[renamed.From], renamed.To, renamed.From));
                break;
            case Happening.DirectorySynced:
                _unsynced.ForEach(change => Apply(change, _durable));
                _unsynced.Clear();
                break;
        }

        return true;
    }

    /// <summary>The names that a power cut would leave.</summary>
    /// <param name="isKept">Whether an unsynced change of names got through. Called for each in order.</param>
    public Dictionary<string, DiskFile> Names(Func<bool> isKept)
    {
        var names = new Dictionary<string, DiskFile>(_durable);
        foreach (var change in _unsynced.Where(_ => isKept()))
            Apply(change, names);
        return names;
    }

    private bool Open(string name)
    {
        if (_now.ContainsKey(name))
            return false;

        Rename(new NameChange(new DiskFile(), name, Loses: null));
        return true;
    }

    private void Rename(NameChange change)
    {
        _unsynced.Add(change);
        Apply(change, _now);
    }

    private static void Apply(NameChange change, Dictionary<string, DiskFile> names)
    {
        if (change.Loses is { } old && names.TryGetValue(old, out var file) && file == change.File)
            names.Remove(old);
        if (change.Gets is { } name)
            names[name] = change.File;
    }
}

namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>A file on a medium: what its last sync made durable, and the changes since.</summary>
internal sealed class DiskFile
{
    private const int PageSize = 4096;

    private readonly List<Change> _unsynced = [];

    /// <summary>The pages that a failed sync dropped, as the cache of the system still has them.</summary>
    private readonly Dictionary<long, byte[]> _dropped = [];
    private byte[] _durable = [];

    /// <summary>A write at an offset, or without data a truncation to that offset.</summary>
    private readonly record struct Change(long Offset, byte[]? Data)
    {
        public long End => Offset + (Data?.Length ?? 0);
    }

    public bool HasUnsynced => _unsynced.Count > 0;

    /// <summary>A write makes whole pages dirty, including what a failed sync dropped of them.</summary>
    public void Write(long offset, byte[] data)
    {
        foreach (var page in PagesOf(offset, data.Length))
        {
            if (_dropped.Remove(page, out var cached))
                _unsynced.Add(new Change(page * PageSize, cached));
        }

        _unsynced.Add(new Change(offset, data));
    }

    public void Truncate(long size) => _unsynced.Add(new Change(size, null));

    public void Sync()
    {
        _durable = All();
        _unsynced.Clear();
    }

    /// <summary>
    /// The system drops the pages that it could not write and treats them as written. No later sync writes them unless
    /// they are changed again (https://wiki.postgresql.org/wiki/Fsync_Errors).
    /// </summary>
    public void FailSync(Random random)
    {
        var cached = All();
        foreach (var page in _unsynced.SelectMany(change => PagesOf(change.Offset, change.Data?.Length ?? 0)))
        {
            if (page * PageSize < cached.Length)
                _dropped[page] = cached[(int)(page * PageSize)..(int)Math.Min((page + 1) * PageSize, cached.Length)];
        }

        _durable = random.Next(2) == 0 ? Lost() : Some(PageSize, random);
        _unsynced.Clear();
    }

    /// <summary>Every unsynced change was lost.</summary>
    public byte[] Lost() => _durable;

    /// <summary>Every unsynced change got through.</summary>
    public byte[] All() => HasUnsynced ? Sectors(PageSize, _ => _unsynced.Count, random: null) : _durable;

    /// <summary>
    /// Each sector, and the length of the file, has its own number of changes that got through. Sectors within the
    /// length that were never written contain zeros, or in one of four disk images what the medium held before.
    /// </summary>
    public byte[] Some(int sectorSize, Random random)
    {
        var patience = random.NextDouble();
        return HasUnsynced ? Sectors(sectorSize, _ => CutOf(random, patience), random) : _durable;
    }

    /// <summary>Destroys one sector that an unsynced write covers, with everything in it.</summary>
    public void DestroySector(byte[] content, int sectorSize, Random random)
    {
        var writes = _unsynced.FindAll(change => change.Data is { Length: > 0 });
        if (writes.Count == 0)
            return;

        var write = writes[random.Next(writes.Count)];
        var sector = random.NextInt64(write.Offset / sectorSize, ((write.End - 1) / sectorSize) + 1);
        var start = (int)Math.Min(sector * sectorSize, content.Length);
        random.NextBytes(content.AsSpan(start, Math.Min(sectorSize, content.Length - start)));
    }

    private static IEnumerable<long> PagesOf(long offset, int length)
    {
        for (var page = offset / PageSize; page * PageSize < offset + length; page++)
            yield return page;
    }

    private int CutOf(Random random, double patience) => random.NextDouble() switch
    {
        < 0.2 => random.Next(_unsynced.Count + 1),
        var chance => chance < 0.2 + (0.8 * patience) ? _unsynced.Count : 0,
    };

    private byte[] Sectors(int sectorSize, Func<long, int> cutOf, Random? random)
    {
        var longest = Math.Max(_durable.Length, _unsynced.Max(change => change.End));
        var content = new byte[longest];
        _durable.CopyTo(content, 0);

        var cuts = new int[(longest + sectorSize - 1) / sectorSize];
        for (var sector = 0; sector < cuts.Length; sector++)
            cuts[sector] = cutOf(sector);
        if (random is not null && random.Next(4) == 0)
            FillUnwritten(content, sectorSize, cuts, random);

        for (var i = 0; i < _unsynced.Count; i++)
            Apply(_unsynced[i], i, content, sectorSize, cuts);
        return content[..(int)LengthAfter(cutOf(-1))];
    }

    private static void Apply(Change change, int index, byte[] content, int sectorSize, int[] cuts)
    {
        var end = change.Data is null ? content.Length : change.End;
        for (var at = change.Offset; at < end;)
        {
            var sector = at / sectorSize;
            var count = (int)(Math.Min(end, (sector + 1) * sectorSize) - at);
            var target = content.AsSpan((int)at, count);
            if (cuts[sector] > index && change.Data is { } data)
                data.AsSpan((int)(at - change.Offset), count).CopyTo(target);
            else if (cuts[sector] > index)
                target.Clear();
            at += count;
        }
    }

    private void FillUnwritten(byte[] content, int sectorSize, int[] cuts, Random random)
    {
        var first = (_durable.Length + sectorSize - 1) / sectorSize;
        for (var sector = first; sector < cuts.Length; sector++)
        {
            var start = sector * sectorSize;
            if (cuts[sector] == 0)
                random.NextBytes(content.AsSpan(start, Math.Min(sectorSize, content.Length - start)));
        }
    }

    private long LengthAfter(int cut)
    {
        long length = _durable.Length;
        foreach (var change in _unsynced.Take(cut))
            length = change.Data is null ? change.Offset : Math.Max(length, change.End);
        return length;
    }
}

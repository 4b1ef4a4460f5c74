namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>One event in the directory.</summary>
internal abstract record Happening
{
    public sealed record Opened(string File) : Happening;

    public sealed record Wrote(string File, long Offset, byte[] Data) : Happening
    {
        public override string ToString() => $"write of {Data.Length} bytes at {Offset} of {File}";
    }

    public sealed record Truncated(string File, long Size) : Happening;

    public sealed record Synced(string File) : Happening;

    public sealed record SyncFailed(string File) : Happening;

    public sealed record Deleted(string File) : Happening;

    public sealed record Renamed(string From, string To) : Happening;

    public sealed record DirectorySynced : Happening;

    /// <summary>A call began that leads to the state with the number <paramref name="Latest"/>.</summary>
    public sealed record Began(string Call, int Latest) : Happening;

    /// <summary>A call returned: the state with the number <paramref name="State"/> must survive.</summary>
    public sealed record Acknowledged(int State) : Happening;
}

/// <summary>The events in one directory in their order, and the calls that they belong to.</summary>
/// <remarks>A <see cref="Vfs.FaultVfs"/> fills it; for storage without SQLite the test does.</remarks>
internal sealed class Recording
{
    private readonly List<Happening> _happenings = [];

    public IReadOnlyList<Happening> Happenings => _happenings;

    /// <summary>The file exists from now on.</summary>
    public void Opened(string file) => Add(new Happening.Opened(file));

    public void Wrote(string file, long offset, ReadOnlySpan<byte> data) =>
        Add(new Happening.Wrote(file, offset, data.ToArray()));

    public void Truncated(string file, long size) => Add(new Happening.Truncated(file, size));

    public void Synced(string file) => Add(new Happening.Synced(file));

    public void SyncFailed(string file) => Add(new Happening.SyncFailed(file));

    public void Deleted(string file, bool syncsDirectory)
    {
        Add(new Happening.Deleted(file));
        if (syncsDirectory)
            DirectorySynced();
    }

    public void Renamed(string from, string to) => Add(new Happening.Renamed(from, to));

    public void DirectorySynced() => Add(new Happening.DirectorySynced());

    public void Began(string call, int latest) => Add(new Happening.Began(call, latest));

    public void Acknowledged(int state) => Add(new Happening.Acknowledged(state));

    private void Add(Happening happening) => _happenings.Add(happening);
}

namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>One thing that happened to the directory, in the order in which it happened.</summary>
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

    /// <summary>A call began after which the state is that of <paramref name="Latest"/>.</summary>
    public sealed record Began(string Call, int Latest) : Happening;

    /// <summary>A call returned: the state is that of <paramref name="State"/> and must survive.</summary>
    public sealed record Acknowledged(int State) : Happening;
}

/// <summary>What reached the files of one directory, and which calls it belongs to.</summary>
/// <remarks>Filled by a <see cref="Vfs.FaultVfs"/>, or by hand for storage that does without SQLite.</remarks>
internal sealed class Recording
{
    private readonly List<Happening> _happenings = [];

    public IReadOnlyList<Happening> Happenings => _happenings;

    /// <summary>The file is there from now on, if it was not before.</summary>
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

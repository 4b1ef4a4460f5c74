namespace ImageGc.Sqlite;

/// <summary>Who says how many bytes a removal freed.</summary>
public enum FreedBy
{
    /// <summary>The engine: so many bytes of the image are shared with no other one.</summary>
    Engine,

    /// <summary>The disk, which had so many more bytes free afterwards; what others wrote meanwhile is in it.</summary>
    Disk,
}

/// <summary>What the removal of an image freed.</summary>
/// <param name="Bytes">How many bytes; zero or more.</param>
/// <param name="By">Who says so.</param>
public sealed record Freed(long Bytes, FreedBy By);

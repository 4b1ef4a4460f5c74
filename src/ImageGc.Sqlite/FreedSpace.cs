namespace ImageGc.Sqlite;

/// <summary>Where the number of freed bytes comes from.</summary>
public enum FreedBy
{
    /// <summary>The engine reported it: the bytes that the image does not share with other images.</summary>
    Engine,

    /// <summary>The growth of the free disk space, including what others wrote or deleted meanwhile.</summary>
    Disk,
}

/// <summary>What the removal of an image freed.</summary>
/// <param name="Bytes">The number of bytes; zero or more.</param>
/// <param name="By">Where the number comes from.</param>
public sealed record FreedSpace(long Bytes, FreedBy By);

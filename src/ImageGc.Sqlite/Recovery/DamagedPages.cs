using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace ImageGc.Sqlite;

/// <summary>Reads the image IDs from a damaged database, each page independently of the others.</summary>
/// <remarks>
/// Each row of `image_use` is a record within one page, so it can be found without the root of its table or any other
/// page (https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1). Pages of the file count as well as their newer
/// versions in the log, because the log may belong to another file. If this brings back an image that is gone, it does
/// no harm: the engine reports that when the image is removed.
/// </remarks>
internal static class DamagedPages
{
    private const int DefaultPageSize = 4096;
    private const int LogHeader = 32;
    private const int FrameHeader = 24;
    private const byte InteriorPage = 2;
    private const byte LeafPage = 10;

    /// <exception cref="IOException">A file could not be read.</exception>
    public static HashSet<string> ReadImageIds(string databasePath, IEnumerable<string> logPaths)
    {
        var imageIds = new HashSet<string>(StringComparer.Ordinal);
        ReadDatabase(databasePath, imageIds);
        foreach (var logPath in logPaths)
            ReadLog(logPath, imageIds);
        return imageIds;
    }

    private static void ReadDatabase(string path, HashSet<string> imageIds)
    {
        using var file = DatabaseFile.OpenClosed(path, FileAccess.Read);
        var page = new byte[PageSizeOf(file)];
        var free = FreePages(file, page);
        for (var number = 1L; ReadAt(file, (number - 1) * page.Length, page); number++)
        {
            if (!free.Contains(number))
                ReadPage(page, imageIds);
        }
    }

    /// <summary>
    /// Reads the newest version of each page in the log (section 4.1). Older versions can contain forgotten images,
    /// and so can frames of an earlier generation of the log, whose salt differs from that of the header.
    /// </summary>
    private static void ReadLog(string path, HashSet<string> imageIds)
    {
        using var file = DatabaseFile.OpenClosed(path, FileAccess.Read);
        var header = new byte[LogHeader];
        if (!ReadAt(file, 0, header))
            return;
        var page = new byte[ValidPageSize(BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(8)))];
        var frame = new byte[FrameHeader];
        var newest = new Dictionary<int, long>();
        for (long at = LogHeader; ReadAt(file, at, frame); at += FrameHeader + page.Length)
        {
            var isCurrent = frame.AsSpan(8, 8).SequenceEqual(header.AsSpan(16, 8));
            if (isCurrent)
                newest[BinaryPrimitives.ReadInt32BigEndian(frame)] = at + FrameHeader;
        }

        foreach (var at in newest.Values)
        {
            if (ReadAt(file, at, page))
                ReadPage(page, imageIds);
        }
    }

    /// <summary>Returns the pages of the freelist (section 1.5), which still contain deleted rows.</summary>
    private static HashSet<long> FreePages(FileStream file, byte[] page)
    {
        var free = new HashSet<long>();
        var trunk = ReadAt(file, 0, page) ? BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(32)) : 0;
        while (trunk > 1 && free.Add(trunk) && ReadAt(file, (trunk - 1L) * page.Length, page))
        {
            trunk = BinaryPrimitives.ReadUInt32BigEndian(page);
            var leaves = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(4)), (page.Length / 4) - 2);
            for (var leaf = 0; leaf < leaves; leaf++)
                free.Add(BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(8 + (4 * leaf))));
        }

        return free;
    }

    private static void ReadPage(ReadOnlySpan<byte> page, HashSet<string> imageIds)
    {
        if (page[0] is not (LeafPage or InteriorPage))
            return;
        var isLeaf = page[0] == LeafPage;
        var cells = page[(isLeaf ? 8 : 12)..];
        var count = BinaryPrimitives.ReadUInt16BigEndian(page[3..]);
        for (var cell = 0; cell < count && (2 * cell) + 2 <= cells.Length; cell++)
        {
            var at = BinaryPrimitives.ReadUInt16BigEndian(cells[(2 * cell)..]) + (isLeaf ? 0 : 4);
            if (at < page.Length && ImageIdIn(page[at..]) is { } imageId)
                imageIds.Add(imageId);
        }
    }

    /// <summary>
    /// Returns the ID in a record of a text and one or two integers, which is a row of `image_use` in every schema
    /// version; null for other records.
    /// </summary>
    private static string? ImageIdIn(ReadOnlySpan<byte> cell)
    {
        if (!TryReadNumber(ref cell, out var length) || length > cell.Length)
            return null;
        var body = cell[..(int)length];
        if (!TryReadNumber(ref body, out var headerLength) || headerLength < 3 || headerLength > length)
            return null;

        var types = cell[(int)(length - body.Length)..(int)headerLength];
        body = cell[(int)headerLength..(int)length];
        if (!TryReadNumber(ref types, out var text) || text < 13 || text % 2 == 0 || (text - 13) / 2 > body.Length)
            return null;
        var id = body[..(int)((text - 13) / 2)];
        var integers = body.Length - id.Length;
        var columns = types.Length;
        while (TryReadNumber(ref types, out var type))
            integers -= LengthOfInteger(type);
        if (columns is not (1 or 2) || integers != 0 || !Utf8.IsValid(id))
            return null;
        var imageId = Encoding.UTF8.GetString(id);
        return ImageId.IsValid(imageId) ? imageId : null;
    }

    /// <summary>Returns the size of an integer column, or more than any record has if it is not an integer.</summary>
    private static int LengthOfInteger(long type) => type switch
    {
        >= 1 and <= 4 => (int)type,
        5 => 6,
        6 => 8,
        8 or 9 => 0,
        _ => DefaultPageSize * 16,
    };

    /// <summary>Reads a `varint` of up to three bytes, which is enough for anything within a page.</summary>
    private static bool TryReadNumber(ref ReadOnlySpan<byte> bytes, out long number)
    {
        number = 0;
        for (var read = 1; read <= 3 && read <= bytes.Length; read++)
        {
            var next = bytes[read - 1];
            number = (number << 7) | (uint)(next & 0x7f);
            if (next >= 0x80)
                continue;
            bytes = bytes[read..];
            return true;
        }

        return false;
    }

    private static int PageSizeOf(FileStream file)
    {
        var header = new byte[18];
        return ReadAt(file, 0, header)
            ? ValidPageSize(BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(16)))
            : DefaultPageSize;
    }

    private static int ValidPageSize(int read) =>
        read is >= 512 and <= 32768 && int.IsPow2(read) ? read : DefaultPageSize;

    private static bool ReadAt(FileStream file, long position, Span<byte> bytes)
    {
        file.Position = position;
        return file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;
    }
}

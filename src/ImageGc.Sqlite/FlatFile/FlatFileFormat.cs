using System.Globalization;
using System.Text;

namespace ImageGc.Sqlite;

/// <summary>
/// The file format of Azure IoT Edge's `image_use`: a line `&lt;image_id&gt; &lt;unix seconds&gt;` per image.
/// </summary>
internal static class FlatFileFormat
{
    /// <summary>The largest flat file: about 200,000 images, where a device has hundreds.</summary>
    public const int MaxBytes = 16 << 20;

    private const int MaxLineBytes = 2048;
    private static readonly UTF8Encoding StrictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// A line: an image and its time in Unix seconds, or what is wrong with it. `Torn` marks a last line without a
    /// newline, which power loss cut off.
    /// </summary>
    public readonly record struct Line(long Number, string ImageId, long LastUsedAt, bool Torn, string? Error);

    /// <summary>Reads the whole file into memory.</summary>
    /// <exception cref="IOException">
    /// The file could not be read, or is larger than <see cref="MaxBytes"/>, such as a device that never ends.
    /// </exception>
    public static byte[] Load(Stream file)
    {
        using var content = new MemoryStream();
        var buffer = new byte[64 << 10];
        for (var read = file.Read(buffer); read > 0; read = file.Read(buffer))
        {
            content.Write(buffer, 0, read);
            if (content.Length > MaxBytes)
                throw new IOException($"It is larger than {MaxBytes >> 20} MB, so it is not a flat file.");
        }

        return content.ToArray();
    }

    /// <summary>Reads line by line in constant memory, however long a line is.</summary>
    public static IEnumerable<Line> Read(Stream file)
    {
        var line = new byte[MaxLineBytes];
        long length = 0;
        long number = 0;
        for (var next = file.ReadByte(); next >= 0; next = file.ReadByte())
        {
            if (next == '\n')
            {
                yield return Parse(++number, line, length, torn: false);
                length = 0;
            }
            else
            {
                if (length < MaxLineBytes)
                    line[length] = (byte)next;
                length++;
            }
        }

        if (length > 0)
            yield return Parse(++number, line, length, torn: true);
    }

    public static void Write(Stream file, IEnumerable<ImageUse> images)
    {
        using var writer = new StreamWriter(file, StrictUtf8, leaveOpen: true) { NewLine = "\n" };
        foreach (var image in images)
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{image.ImageId} {image.LastUsedAt.ToUnixTimeSeconds()}"));
    }

    private static Line Parse(long number, byte[] bytes, long length, bool torn)
    {
        if (length > MaxLineBytes)
            return Bad($"is longer than {MaxLineBytes} bytes");

        string line;
        try
        {
            line = StrictUtf8.GetString(bytes, 0, (int)length);
            if (number == 1)
                line = line.TrimStart('\uFEFF'); // The byte order mark of Windows editors.
        }
        catch (DecoderFallbackException)
        {
            return Bad("is not UTF-8");
        }

        var fields = line.TrimEnd('\r').Split(' ');
        if (string.IsNullOrWhiteSpace(line))
            return Bad("is blank");
        if (!ImageId.IsValid(fields[0]))
            return Bad("does not start with an image ID");
        if (fields.Length < 2)
            return Bad("has no space between image ID and time");
        if (!long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return Bad("has a time that is not a number of seconds");
        if (seconds > UnixTime.LatestSecond)
            return Bad("has a time beyond the year 9999");
        return new Line(number, fields[0], seconds, torn, Error: null);

        Line Bad(string why) => new(number, "", 0, torn, why);
    }
}

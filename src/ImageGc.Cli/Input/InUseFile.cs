using System.Text;

namespace ImageGc.Cli.Input;

/// <summary>A file that names the images in use; read in bounded memory, because anything may be in it.</summary>
internal static class InUseFile
{
    public const int MaxLineLength = 4096;
    public const int MaxIds = 100_000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Adds the IDs of the file. One line that is no ID fails it all: it may stand for an image in use.</summary>
    public static void ReadInto(HashSet<string> inUse, string path, Func<Stream> standardInput)
    {
        var name = path == "-" ? "standard input" : $"'{path}'";
        using var reader = new StreamReader(path == "-" ? standardInput() : Open(path), StrictUtf8);
        var number = 0L;
        try
        {
            foreach (var line in Lines(reader))
            {
                number++;
                if (line.Length > MaxLineLength)
                    throw Bad($"is longer than {MaxLineLength} characters");
                var imageId = line.Trim();
                if (imageId.Length == 0 || imageId[0] == '#')
                    continue;
                if (ImageIds.WhyNot(imageId) is { } why)
                    throw Bad($"is wrong. {why}");
                if (inUse.Add(imageId) && inUse.Count > MaxIds)
                    throw Bad($"is one too many: more than {MaxIds} images in use cannot be right");
            }
        }
        catch (DecoderFallbackException)
        {
            number++;
            throw Bad("or one soon after it is not UTF-8");
        }

        CommandFailedException Bad(string why) =>
            new($"Line {number} of {name} {why.TrimEnd('.')}. Nothing was changed.");
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandFailedException($"Could not read the images in use: {exception.Message}");
        }
    }

    /// <summary>Lines without their newline; one that is too long ends after <see cref="MaxLineLength"/> + 1 characters.</summary>
    private static IEnumerable<string> Lines(StreamReader reader)
    {
        var line = new StringBuilder();
        for (var next = reader.Read(); next >= 0; next = reader.Read())
        {
            if (next != '\n')
                line.Append((char)next);
            if (next == '\n' || line.Length > MaxLineLength)
            {
                yield return line.ToString();
                line.Clear();
            }
        }

        if (line.Length > 0)
            yield return line.ToString();
    }
}

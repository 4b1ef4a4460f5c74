using System.Text;
using ImageGc.Cli.Execution;

namespace ImageGc.Cli.Input;

/// <summary>A list of the images in use, read in bounded memory: the file can be anything, such as /dev/zero.</summary>
internal sealed class InUseFile
{
    public const int MaxLineLength = 4096;
    public const int MaxIds = 100_000;

    /// <summary>Enough for the largest list. Comments and repeated IDs could otherwise continue for ever.</summary>
    public const int MaxLength = 64 << 20;

    private static readonly UTF8Encoding StrictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const string NameAFile = "Nothing was changed. Name a file that this user can read.";

    private readonly string _name;
    private long _line;
    private long _length;

    private InUseFile(string name) => _name = name;

    /// <summary>Reads the IDs in a file. Only /dev/null may have none.</summary>
    public static HashSet<string> Read(string path)
    {
        using var reader = new StreamReader(Open(path), StrictUtf8);
        return new InUseFile($"'{path}'").Read(reader, mayBeEmpty: path == "/dev/null");
    }

    public static HashSet<string> ReadStandardInput(Stream input)
    {
        using var reader = new StreamReader(input, StrictUtf8);
        return new InUseFile("standard input").Read(reader, mayBeEmpty: false);
    }

    private static FileStream Open(string path)
    {
        if (Directory.Exists(path))
            throw new CommandFailedException($"Could not read the images in use: '{path}' is a directory. {NameAFile}");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandFailedException($"Could not read the images in use: {exception.Message} {NameAFile}");
        }
    }

    /// <remarks>
    /// A line that is not an ID is an error for the whole list, because it may stand for an image in use. An empty
    /// list is an error, because the program that was to write it may have failed.
    /// </remarks>
    private HashSet<string> Read(StreamReader reader, bool mayBeEmpty)
    {
        var inUse = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            foreach (var line in Lines(reader))
            {
                var imageId = line.Trim();
                if (imageId.Length == 0 || imageId[0] == '#')
                    continue;
                if (ImageIdArgument.DescribeError(imageId) is { } why)
                    throw InvalidLine(why);
                if (inUse.Add(imageId) && inUse.Count > MaxIds)
                    throw InvalidLine($"A list can have {MaxIds} IDs at most.");
            }
        }
        catch (DecoderFallbackException)
        {
            // The reader decodes ahead of the lines, so the invalid bytes may also be in a later line.
            throw new CommandFailedException(
                $"Text in or after line {_line} of {_name} is not UTF-8, so nothing was changed.");
        }

        return inUse.Count > 0 || mayBeEmpty
            ? inUse
            : throw new CommandFailedException(
                $"No image is listed in {_name}, so nothing was changed. {InUseOptions.EmptyListHint}");
    }

    /// <summary>Lines without their newline, none longer than <see cref="MaxLineLength"/>.</summary>
    private IEnumerable<string> Lines(StreamReader reader)
    {
        var line = new StringBuilder();
        _line = 1;
        for (var next = reader.Read(); next >= 0; next = reader.Read())
        {
            if (++_length > MaxLength)
                throw InvalidLine($"A list can have {MaxLength >> 20} MiB at most.");
            if (next == '\n')
            {
                yield return line.ToString();
                line.Clear();
                _line++;
            }
            else if (line.Append((char)next).Length > MaxLineLength)
            {
                throw InvalidLine($"It is longer than {MaxLineLength} characters.");
            }
        }

        if (line.Length > 0)
            yield return line.ToString();
    }

    private CommandFailedException InvalidLine(string why) =>
        new($"Line {_line} of {_name} is not valid, so nothing was changed. {why}");
}

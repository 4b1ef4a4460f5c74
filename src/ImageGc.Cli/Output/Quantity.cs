using System.Globalization;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>Numbers with their nouns and units, for messages.</summary>
internal static class Quantity
{
    public static string Images(long count) => Of(count, "image");

    /// <summary>`, which freed 310 MB`; empty if that is unknown.</summary>
    public static string Freed(IEnumerable<ImageVerdict> verdicts)
    {
        var bytes = verdicts.Sum(verdict => verdict.Freed?.Bytes ?? 0);
        return bytes == 0 ? "" : $", which freed {SizeText.Format(bytes)}";
    }

    /// <summary>` with 310 MB`; empty if no size is known.</summary>
    public static string InAll(IEnumerable<ImageUse> images)
    {
        var bytes = images.Sum(image => image.SizeBytes ?? 0);
        return bytes == 0 ? "" : $" with {SizeText.Format(bytes)}";
    }

    /// <summary>
    /// `, which would free up to 310 MB`: less if the images share layers; empty if no size is known.
    /// </summary>
    public static string WouldFree(IEnumerable<ImageVerdict> verdicts)
    {
        var bytes = verdicts.Where(verdict => verdict.Verdict == Verdict.Expired)
            .Sum(verdict => verdict.Image.SizeBytes ?? 0);
        return bytes == 0 ? "" : $", which would free up to {SizeText.Format(bytes)}";
    }

    public static string Of(long count, string thing) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {thing}{(count == 1 ? "" : "s")}");
}

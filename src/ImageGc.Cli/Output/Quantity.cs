using System.Globalization;

namespace ImageGc.Cli.Output;

/// <summary>A number and what it counts, as people say it.</summary>
internal static class Quantity
{
    public static string Images(long count) => Of(count, "image");

    public static string Of(long count, string thing) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {thing}{(count == 1 ? "" : "s")}");
}

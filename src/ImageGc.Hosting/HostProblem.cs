using System.Globalization;

namespace ImageGc.Hosting;

/// <summary>Something that a host could not do when it last tried.</summary>
/// <param name="Part">What fails: recording, watching, cleanup or disk.</param>
/// <param name="Since">When it began to fail, in UTC.</param>
/// <param name="Message">What failed, and what to do.</param>
public sealed record HostProblem(string Part, DateTimeOffset Since, string Message)
{
    /// <summary>Returns a sentence for people, with the time in UTC.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{What} has failed since {Since:u}: {Message}");

    /// <summary>"Disk has failed" would mean a broken disk, and not one that stays full.</summary>
    private string What => Part == NameOf(HostPart.Disk)
        ? "Making room on the disk"
        : $"{char.ToUpperInvariant(Part[0])}{Part[1..]}";

    internal static string NameOf(HostPart part) => part.ToString().ToLowerInvariant();
}

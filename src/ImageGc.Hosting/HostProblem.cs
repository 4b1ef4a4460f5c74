using System.Globalization;

namespace ImageGc.Hosting;

/// <summary>What a host could not do when it last tried.</summary>
/// <param name="Part">What fails: recording, watching, cleanup or disk.</param>
/// <param name="Since">Since when, in UTC.</param>
/// <param name="Message">What failed, and what to do.</param>
public sealed record HostProblem(string Part, DateTimeOffset Since, string Message)
{
    /// <summary>A sentence for people, in UTC.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{What} has failed since {Since:u}: {Message}");

    /// <summary>Nothing is wrong with a disk that stays full.</summary>
    private string What => Part == NameOf(HostPart.Disk)
        ? "Making room on the disk"
        : $"{char.ToUpperInvariant(Part[0])}{Part[1..]}";

    internal static string NameOf(HostPart part) => part.ToString().ToLowerInvariant();
}

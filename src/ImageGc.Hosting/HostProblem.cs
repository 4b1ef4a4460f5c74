namespace ImageGc.Hosting;

/// <summary>What a host could not do when it last tried.</summary>
/// <param name="Part">What fails: recording, watching, cleanup or disk.</param>
/// <param name="Since">Since when, in UTC.</param>
/// <param name="Message">What failed, and what to do.</param>
public sealed record HostProblem(string Part, DateTimeOffset Since, string Message)
{
    internal static string NameOf(HostPart part) => part.ToString().ToLowerInvariant();
}

namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>What became of the images of a recording.</summary>
/// <param name="Points">Where the power was cut.</param>
/// <param name="Images">What the cuts could leave.</param>
/// <param name="Different">How many of them differ; each of these was opened once.</param>
/// <param name="Behind">Images that are sound and lack something acknowledged.</param>
/// <param name="Broken">Images that do not open, are damaged, or hold a state that never was.</param>
/// <param name="Findings">The first of either.</param>
internal sealed record Verdict(int Points, int Images, int Different, int Behind, int Broken,
    IReadOnlyList<string> Findings)
{
    /// <summary>Whether images were tried, and each of them holds all that was acknowledged.</summary>
    public bool NothingLost => this is { Images: > 0, Behind: 0, Broken: 0 };

    public override string ToString() =>
        $"{Points} points, {Images} images ({Different} different): {Behind} lost something acknowledged, "
        + $"{Broken} broken";

    public static Verdict operator +(Verdict one, Verdict other) => new(
        one.Points + other.Points, one.Images + other.Images, one.Different + other.Different,
        one.Behind + other.Behind, one.Broken + other.Broken, [.. one.Findings, .. other.Findings.Take(5)]);

    public string Explain() => $"{this}\n{string.Join('\n', Findings)}";
}

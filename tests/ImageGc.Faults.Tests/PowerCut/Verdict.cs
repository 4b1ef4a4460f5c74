namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>What the disk images of a recording contained.</summary>
/// <param name="Points">At how many points the power was cut.</param>
/// <param name="Images">How many disk images the cuts left.</param>
/// <param name="Different">How many of them differ. Each of these was opened once.</param>
/// <param name="Behind">How many are sound but lack an acknowledged change.</param>
/// <param name="Broken">How many cannot be opened, are damaged, or contain a state that never existed.</param>
/// <param name="Findings">The first disk images that are behind or broken.</param>
internal sealed record Verdict(int Points, int Images, int Different, int Behind, int Broken,
    IReadOnlyList<string> Findings)
{
    /// <summary>Whether there were disk images, and each of them contained all acknowledged changes.</summary>
    public bool NothingLost => this is { Images: > 0, Behind: 0, Broken: 0 };

    public override string ToString() =>
        $"{Points} points, {Images} disk images ({Different} different): {Behind} lost an acknowledged change, "
        + $"{Broken} broken";

    public static Verdict operator +(Verdict one, Verdict other) => new(
        one.Points + other.Points, one.Images + other.Images, one.Different + other.Different,
        one.Behind + other.Behind, one.Broken + other.Broken, [.. one.Findings, .. other.Findings.Take(5)]);

    public string Explain() => $"{this}\n{string.Join('\n', Findings)}";
}

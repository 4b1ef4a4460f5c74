namespace ImageGc.Hosting;

/// <summary>A label that a container or image must have: `name`, or `name=value`.</summary>
internal sealed class LabelFilter(string written)
{
    private readonly string[] _parts = written.Trim().Split('=', 2);

    public bool Matches(IReadOnlyDictionary<string, string> labels) =>
        labels.TryGetValue(_parts[0], out var actual) && (_parts.Length == 1 || actual == _parts[1]);

    public override string ToString() => string.Join('=', _parts);
}

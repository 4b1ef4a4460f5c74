using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using ImageGc.Faults.Tests.Workload;

namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>Writes disk images into a directory, opens them, and compares them with what was acknowledged.</summary>
/// <param name="reopen">Reads the state in a directory as text. If it throws, the disk image is broken.</param>
internal sealed class Judge(Func<string, string> reopen)
{
    private readonly ConcurrentDictionary<string, string> _seen = new();

    public Verdict Of(IEnumerable<Cut> cuts, History history)
    {
        var points = new ConcurrentDictionary<int, bool>();
        var findings = new ConcurrentQueue<string>();
        var (images, behind, broken, known) = (0, 0, 0, _seen.Count);
        Parallel.ForEach(cuts, ScratchDirectory.New, (cut, _, directory) =>
        {
            points[cut.Point] = true;
            Interlocked.Increment(ref images);
            var state = Reopened(cut.Image, directory);
            if (history.Holds(state, cut.Acknowledged, cut.Latest))
                return directory;

            var isPrefix = history.Holds(state, 0, cut.Latest);
            Interlocked.Increment(ref isPrefix ? ref behind : ref broken);
            if (findings.Count < (isPrefix ? 10 : 20))
                findings.Enqueue($"{cut.Where}: {(isPrefix ? "an earlier state" : state)}");
            return directory;
        }, directory => directory.Dispose());
        return new Verdict(points.Count, images, _seen.Count - known, behind, broken, [.. findings]);
    }

    private string Reopened(DiskImage image, ScratchDirectory directory)
    {
        var key = KeyOf(image);
        if (_seen.TryGetValue(key, out var known))
            return known;

        directory.Fill(image);
        string state;
        try
        {
            state = reopen(directory.Path);
        }
        catch (Exception exception)
        {
            state = $"broken, {exception.GetType().Name}: {exception.Message}";
        }

        _seen[key] = state;
        return state;
    }

    private static string KeyOf(DiskImage image)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, content) in image.Files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{content.Length}\0"));
            hash.AppendData(content);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

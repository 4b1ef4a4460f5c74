using System.Globalization;

namespace ImageGc.Cli;

/// <summary>Another process that has the database open.</summary>
internal sealed record OtherProcess(int ProcessId, string Name)
{
    /// <summary>
    /// Those that this user may look at: all of them for root, its own for anyone else. Processes in containers see
    /// the file under another path and are missed, and so is everyone where there is no /proc.
    /// </summary>
    public static IReadOnlyList<OtherProcess> ThatHaveOpen(string database)
    {
        // Our own open files tell the path as the kernel knows it, without links.
        var name = Path.GetFileName(File.ResolveLinkTarget(database, returnFinalTarget: true)?.FullName ?? database);
        var paths = OpenFiles(Environment.ProcessId).Where(file => Path.GetFileName(file) == name).ToHashSet();
        return paths.Count == 0
            ? []
            : [.. ProcessIds().Where(id => id != Environment.ProcessId && paths.Overlaps(OpenFiles(id))).Select(Of)];
    }

    private static IEnumerable<int> ProcessIds() => Directory.EnumerateDirectories("/proc")
        .Select(Path.GetFileName)
        .Select(name => int.TryParse(name, CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0);

    private static List<string> OpenFiles(int id)
    {
        try
        {
            var files = new DirectoryInfo($"/proc/{id}/fd").EnumerateFiles();
            return [.. files.Select(file => file.LinkTarget).OfType<string>()];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // Not ours to look at, or just ended.
        }
    }

    private static OtherProcess Of(int id)
    {
        try
        {
            return new OtherProcess(id, File.ReadAllText($"/proc/{id}/comm").Trim());
        }
        catch (IOException)
        {
            return new OtherProcess(id, "ended meanwhile");
        }
    }
}

using System.Globalization;

namespace ImageGc.Cli.Diagnostics;

/// <summary>Another process that has the database open.</summary>
internal sealed record ProcessUsingDatabase(int ProcessId, string Name)
{
    /// <summary>
    /// Lists those that this user may inspect: all of them for root, its own for anyone else. Processes in containers
    /// see the file under another path and are missed; without /proc the list is empty.
    /// </summary>
    public static IReadOnlyList<ProcessUsingDatabase> ListOthers(string database)
    {
        // Our own open files show the path as the kernel knows it, without links.
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
            return []; // Belongs to another user, or just ended.
        }
    }

    private static ProcessUsingDatabase Of(int id)
    {
        try
        {
            return new ProcessUsingDatabase(id, File.ReadAllText($"/proc/{id}/comm").Trim());
        }
        catch (IOException)
        {
            return new ProcessUsingDatabase(id, "ended meanwhile");
        }
    }
}

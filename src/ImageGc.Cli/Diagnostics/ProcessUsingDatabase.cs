using System.Globalization;

namespace ImageGc.Cli.Diagnostics;

/// <summary>Another process that has the database open.</summary>
internal sealed record ProcessUsingDatabase(int ProcessId, string Name)
{
    /// <summary>
    /// Lists the processes that this user can inspect: for root all of them, for other users their own. Processes in
    /// containers, which see the file under another path, are missed. Without /proc the list is empty.
    /// </summary>
    public static IReadOnlyList<ProcessUsingDatabase> ListOthers(string database)
    {
        // The kernel reports paths without links, so they are taken from the open files of this process.
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
            return []; // It belongs to another user, or has just ended.
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

using ImageGc.Cli.Output;
using Microsoft.Data.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Image IDs for the shell to complete; looking never creates, migrates or repairs a database.</summary>
internal static class KnownIds
{
    public const string Tracked = """
        SELECT image_id
        FROM image_use
        ORDER BY image_id
        LIMIT 1000
        """;

    public const string TrackedOrRemoved = """
        SELECT image_id
        FROM image_use
        UNION
        SELECT image_id
        FROM removed_image
        ORDER BY image_id
        LIMIT 1000
        """;

    /// <summary>Those that a shell takes as they are; none where they cannot be read.</summary>
    public static IEnumerable<string> Read(string database, string query)
    {
        if (!File.Exists(database))
            return [];
        try
        {
            return Query(database, query).Where(MeansOnlyItself);
        }
        catch (Exception damaged) when (damaged is SqliteException or InvalidOperationException)
        {
            return [];
        }
    }

    private static List<string> Query(string database, string query)
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = UriOf(Path.GetFullPath(database)),
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
            DefaultTimeout = 1,
        }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = query;
        using var row = command.ExecuteReader();
        var imageIds = new List<string>();
        while (row.Read())
            imageIds.Add(row.GetString(0));
        return imageIds;
    }

    /// <remarks>
    /// Without a log nobody has it open, and SQLite would leave an empty one behind (https://www.sqlite.org/uri.html).
    /// </remarks>
    private static string UriOf(string path)
    {
        var escaped = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        return File.Exists($"{path}-wal") ? $"file:{escaped}" : $"file:{escaped}?immutable=1";
    }

    private static bool MeansOnlyItself(string imageId) =>
        ShellWords.Quote(imageId) == imageId && !imageId.StartsWith('-');
}

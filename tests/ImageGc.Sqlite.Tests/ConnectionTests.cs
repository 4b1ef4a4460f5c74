using Dapper;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageGc.Sqlite.Tests;

/// <summary>Which settings a store gives SQLite, and which files it opens and closes.</summary>
public sealed class ConnectionTests : StoreTest
{
    [Theory]
    [InlineData(Durability.Full, 2, "psow=0")]
    [InlineData(Durability.Normal, 1, "psow=1")]
    public void A_connection_has_the_durability_and_the_busy_timeout_of_the_options(
        Durability durability, long synchronous, string sectors)
    {
        Open().Dispose();

        using var connection = ConnectionFactory.Open(DatabasePath, new ImageUseStoreOptions
        {
            DatabasePath = DatabasePath,
            Durability = durability,
            BusyTimeout = TimeSpan.FromMilliseconds(123),
        }, NullLogger.Instance);

        Assert.Equal((synchronous, 123, 2, 8 << 20), (Pragma("synchronous"), Pragma("busy_timeout"),
            Pragma("temp_store"), Pragma("journal_size_limit")));
        Assert.Contains(sectors, connection.ConnectionString, StringComparison.Ordinal);

        long Pragma(string name) => connection.ExecuteScalar<long>($"PRAGMA {name}");
    }

    [Fact]
    public void No_file_stays_open_when_a_store_is_closed_or_cannot_be_opened()
    {
        using (var store = Open())
            store.RecordUse(Id(1));
        Assert.Empty(OpenFiles());

        File.WriteAllText(PathOf("text.db"), new string('x', 10_000));
        foreach (var (name, sql) in ((string, string)[])
            [("newer.db", "PRAGMA user_version = 9999"), ("dropped.db", "DROP TABLE image_use")])
        {
            using (ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = PathOf(name) }, Time))
                Sqlite.Execute(PathOf(name), sql);
        }

        foreach (var name in (string[])["text.db", "newer.db", "dropped.db"])
        {
            Assert.Throws<ImageUseStoreException>(() => Open(options => options.DatabasePath = PathOf(name)));
            Assert.Empty(OpenFiles());
        }
    }

    [Fact]
    public void Closing_a_store_moves_the_log_of_a_crash_into_the_database()
    {
        Open().RecordUse(Id(1));
        File.Copy(DatabasePath, PathOf("crashed.db"));
        File.Copy($"{DatabasePath}-wal", PathOf("crashed.db-wal"));

        using (var store = Open(options => options.DatabasePath = PathOf("crashed.db")))
            Assert.Single(store.List());

        Assert.False(File.Exists(PathOf("crashed.db-wal")));
        Assert.Single(Open(options => options.DatabasePath = PathOf("crashed.db")).List());
    }

    /// <summary>The files of this test that this process has open, including the directory itself.</summary>
    private List<string> OpenFiles() => [.. Directory.GetFileSystemEntries("/proc/self/fd")
        .Select(link => new FileInfo(link).LinkTarget).OfType<string>()
        .Where(path => path.StartsWith(PathOf("").TrimEnd('/'), StringComparison.Ordinal))];
}

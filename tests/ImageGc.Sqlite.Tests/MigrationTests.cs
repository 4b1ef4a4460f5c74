namespace ImageGc.Sqlite.Tests;

public sealed class MigrationTests : StoreTest
{
    internal static readonly string[] Scripts = [.. typeof(ImageUseStore).Assembly.GetManifestResourceNames()
        .Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    [Fact]
    public void A_new_database_has_run_each_script_once_and_stores_its_version()
    {
        Open().Dispose();
        Open().Dispose();

        Assert.Equal(Scripts,
            Sqlite.Query<string>(DatabasePath, "SELECT ScriptName FROM SchemaVersions ORDER BY SchemaVersionID"));
        Assert.Equal([Scripts.Length], Sqlite.Query<int>(DatabasePath, "PRAGMA user_version"));
        Assert.Equal([Migrations.ApplicationId], Sqlite.Query<int>(DatabasePath, "PRAGMA application_id"));
    }

    [Fact]
    public void Scripts_are_numbered_without_gaps()
    {
        Assert.Equal(Enumerable.Range(1, Scripts.Length).Select(number => $"{number:0000}_"),
            Scripts.Select(name => name[..5]));
    }

    [Fact]
    public void No_script_returns_rows_or_uses_PRAGMA()
    {
        foreach (var sql in Scripts.Select(Read))
        {
            Assert.DoesNotContain("PRAGMA", sql, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("RETURNING", sql, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotMatch(@"(?im)^(SELECT|VALUES|WITH|EXPLAIN)\b", StatementsOf(sql));
        }
    }

    [Fact]
    public void Four_processes_can_create_the_same_database_at_once()
    {
        var processes = Enumerable.Range(0, 4).Select(_ => new OtherProcess()).ToList();
        try
        {
            for (var round = 0; round < 25; round++)
            {
                var path = PathOf($"{round}.db");

                processes.ForEach(process => process.Tell("open", path));

                Assert.All(processes, process => Assert.Equal("ok", process.Answer()));
                Assert.Equal(Scripts,
                    Sqlite.Query<string>(path, "SELECT ScriptName FROM SchemaVersions ORDER BY SchemaVersionID"));
            }
        }
        finally
        {
            processes.ForEach(process => process.Dispose());
        }
    }

    [Fact]
    public void A_script_that_fails_leaves_the_database_unchanged()
    {
        Open().Dispose();
        Sqlite.Execute(DatabasePath, "PRAGMA user_version = 0; DELETE FROM SchemaVersions");

        var exception = Assert.Throws<ImageUseStoreException>(() => Open());

        Assert.Equal(StoreErrorReason.Migration, exception.Reason);
        Assert.Contains(Scripts[0], exception.Message, StringComparison.Ordinal);
        Assert.Equal([0], Sqlite.Query<int>(DatabasePath, "PRAGMA user_version"));
        Assert.Empty(Sqlite.Query<string>(DatabasePath, "SELECT ScriptName FROM SchemaVersions"));
    }

    internal static string Read(string script)
    {
        using var reader = new StreamReader(typeof(ImageUseStore).Assembly.GetManifestResourceStream(script)!);
        return reader.ReadToEnd();
    }

    /// <summary>The first word of each statement, one per line.</summary>
    private static string StatementsOf(string sql) => string.Join('\n', sql
        .Split('\n').Where(line => !line.TrimStart().StartsWith("--", StringComparison.Ordinal))
        .Aggregate("", (all, line) => all + line + ' ')
        .Split(';').Select(statement => statement.TrimStart().Split(' ')[0]));
}

using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

/// <summary>The database as other programs see it: through a plain connection or the `sqlite3` command line.</summary>
internal static class Sqlite
{
    public static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    public static void Execute(string path, string sql)
    {
        using var connection = Connect(path);
        connection.Execute(sql);
    }

    public static List<T> Query<T>(string path, string sql)
    {
        using var connection = Connect(path);
        return connection.Query<T>(sql).AsList();
    }

    /// <summary>What the `sqlite3` of this machine prints. Skips the test if there is none.</summary>
    public static string CommandLineOrSkip(string path, string sql) => Shell.OutputOrSkip("sqlite3", path, sql);
}

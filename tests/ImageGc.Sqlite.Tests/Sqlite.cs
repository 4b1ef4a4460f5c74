using System.Diagnostics;
using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite.Tests;

/// <summary>The file as others see it: through a plain connection, or the `sqlite3` command line.</summary>
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

    /// <summary>What the installed `sqlite3` prints, or null where there is none.</summary>
    public static string? CommandLine(string path, string sql)
    {
        try
        {
            using var sqlite3 = Process.Start(new ProcessStartInfo("sqlite3", [path, sql])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var printed = sqlite3.StandardOutput.ReadToEnd() + sqlite3.StandardError.ReadToEnd();
            sqlite3.WaitForExit();
            return printed;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}

using System.Globalization;
using Dapper;
using DbUp;
using DbUp.Sqlite.Helpers;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Recognizes a database as ours, and migrates its schema with the scripts in `migrations/`.</summary>
internal static class Migrations
{
    /// <summary>`PRAGMA application_id` of our databases: "IGC1".</summary>
    public const int ApplicationId = 0x49474331;

    /// <summary>The `user_version` of an up-to-date database: the number of the newest embedded script.</summary>
    public static int ExpectedVersion { get; } = typeof(Migrations).Assembly.GetManifestResourceNames()
        .Where(IsScript)
        .Max(name => int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture));

    /// <summary>Returns the schema version without changing the file; 0 for an empty database.</summary>
    /// <exception cref="ImageUseStoreException">The database is not ours or has a newer schema.</exception>
    public static int VersionOf(SqliteConnection connection, string path)
    {
        var file = connection.QuerySingle<Identity>(ReadIdentity);
        if (file.ApplicationId != ApplicationId && (file.ApplicationId != 0 || file.SchemaObjects != 0))
            throw ImageUseStoreException.NotOurs(path, "it is a SQLite database of another application");
        if (file.UserVersion > ExpectedVersion)
        {
            throw new ImageUseStoreException(StoreErrorReason.NewerSchema, path,
                $"Could not open '{path}': its schema version is {file.UserVersion}, and this library supports "
                + $"versions up to {ExpectedVersion}. Update the runtime, or use another database path. The file was "
                + "left untouched.");
        }

        return (int)file.UserVersion;
    }

    /// <summary>Runs the scripts that the database has not seen, all or none.</summary>
    /// <remarks>
    /// If two processes open a new file, the one that gets the lock first migrates, and the other finds nothing to do.
    /// With a transaction per script, as DbUp offers it, both could run the same script.
    /// </remarks>
    public static void Apply(SqliteConnection connection, string path, ILogger log)
    {
        using var transaction = Transaction.BeginImmediate(connection);
        var from = VersionOf(connection, path);
        if (from == ExpectedVersion)
            return;

        var result = DeployChanges.To
            .SqliteDatabase(new SharedConnection(connection))
            .WithScriptsEmbeddedInAssembly(typeof(Migrations).Assembly, IsScript)
            .WithVariablesDisabled() // Otherwise `$name$` in a script would be a variable of DbUp.
            .WithoutTransaction()
            .LogToNowhere()
            .LogScriptOutput() // Otherwise DbUp ignores an error that follows a statement that returns rows.
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
            throw Failed(path, result.ErrorScript?.Name, result.Error);

        connection.Execute($"""
            PRAGMA application_id = {ApplicationId};
            PRAGMA user_version = {ExpectedVersion};
            """);
        transaction.Commit();
        if (from == 0)
            log.Created(path, ExpectedVersion);
        else
            log.Migrated(path, from, ExpectedVersion);
    }

    private static bool IsScript(string resourceName) => resourceName.EndsWith(".sql", StringComparison.Ordinal);

    private static ImageUseStoreException Failed(string path, string? script, Exception error) =>
        error is SqliteException
        {
            SqliteErrorCode: not SQLitePCL.raw.SQLITE_ERROR and not SQLitePCL.raw.SQLITE_CONSTRAINT,
        } storage
            ? StorageFailure.From(storage, path, $"run the migration {script}")
            : new ImageUseStoreException(StoreErrorReason.Migration, path,
                $"Could not open '{path}': the migration {script} failed: {error.Message} The database was left as it "
                + "was. Go back to the version of the runtime that worked, and report this.",
                error);

    private const string ReadIdentity = """
        SELECT (SELECT application_id FROM pragma_application_id) AS ApplicationId,
               (SELECT user_version FROM pragma_user_version) AS UserVersion,
               (SELECT count(*) FROM sqlite_schema) AS SchemaObjects
        """;

    internal sealed record Identity(long ApplicationId, long UserVersion, long SchemaObjects);
}

using System.Globalization;
using Dapper;
using DbUp;
using DbUp.Sqlite.Helpers;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Sqlite;

/// <summary>Recognises a database as ours and brings its schema up to the scripts in `migrations/`.</summary>
internal static class Migrations
{
    /// <summary>`PRAGMA application_id` of our databases: "IGC1".</summary>
    public const int ApplicationId = 0x49474331;

    /// <summary>The `user_version` of an up-to-date database: the number of the newest embedded script.</summary>
    public static int ExpectedVersion { get; } = typeof(Migrations).Assembly.GetManifestResourceNames()
        .Where(IsScript)
        .Max(name => int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture));

    /// <summary>Reads the schema version without changing the file; 0 is a database without any content.</summary>
    /// <exception cref="ImageUseStoreException">NotOurs or NewerSchema.</exception>
    public static int VersionOf(SqliteConnection connection, string path)
    {
        var file = connection.QuerySingle<Identity>(ReadIdentity);
        if (file.ApplicationId != ApplicationId && (file.ApplicationId != 0 || file.SchemaObjects != 0))
            throw ImageUseStoreException.NotOurs(path, "it is a SQLite database of another application");
        if (file.UserVersion > ExpectedVersion)
        {
            throw new ImageUseStoreException(StoreErrorReason.NewerSchema, path,
                $"Could not open '{path}': its schema has version {file.UserVersion} and this library knows versions "
                + $"up to {ExpectedVersion}. Update the runtime, or use another database path. The file was left "
                + "untouched.");
        }

        return (int)file.UserVersion;
    }

    /// <summary>Runs the scripts that the database has not seen, all or none, whoever else is opening it.</summary>
    /// <remarks>
    /// Two processes on a fresh file: whoever gets the lock first migrates, the other one finds nothing to do. A
    /// transaction per script, DbUp's own way, lets both run the same script.
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
            .WithVariablesDisabled()
            .WithoutTransaction()
            .LogToNowhere()
            .LogScriptOutput() // Without it an error behind a statement that returns rows passes for success.
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
                $"Could not open '{path}': the migration {script} failed: {error.Message} The database is as it was "
                + "before. Go back to the version of the runtime that worked, and report this.",
                error);

    private const string ReadIdentity = """
        SELECT (SELECT application_id FROM pragma_application_id) AS ApplicationId,
               (SELECT user_version FROM pragma_user_version) AS UserVersion,
               (SELECT count(*) FROM sqlite_schema) AS SchemaObjects
        """;

    internal sealed record Identity(long ApplicationId, long UserVersion, long SchemaObjects);
}

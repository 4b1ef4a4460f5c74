using ImageGc.Sqlite;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Benchmarks.Contenders;

/// <summary>The lower bound: the store's own statements and pragmas on a raw SQLite handle.</summary>
internal sealed class RawSqlite : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _upsert;
    private readonly sqlite3_stmt _begin;
    private readonly sqlite3_stmt _commit;

    private RawSqlite(sqlite3 database)
    {
        _database = database;
        _upsert = Prepare(ImageUseStore.UpsertUse);
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
    }

    /// <summary>Opens a migrated database as the store's `ConnectionFactory` does.</summary>
    /// <param name="checks">
    /// Whether it is checked, as the store does. Otherwise all pages are read, so that the caches are alike.
    /// </param>
    public static RawSqlite Open(string path, Durability durability, bool checks = false)
    {
        var check = new FileInfo(path).Length <= ConnectionFactory.LargestCheckedByRow ? "integrity" : "quick";
        var database = OpenHandle(path, durability);
        Execute(database, $"""
            PRAGMA ignore_check_constraints = ON;
            PRAGMA busy_timeout = 10000;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = {(durability == Durability.Full ? "FULL" : "NORMAL")};
            PRAGMA temp_store = MEMORY;
            PRAGMA journal_size_limit = {8 << 20};
            {(checks ? $"PRAGMA {check}_check(1)" : "SELECT count(*) FROM image_use")};
            PRAGMA ignore_check_constraints = OFF;
            """);
        return new RawSqlite(database);
    }

    /// <summary>Inserts images into a migrated database, fast and without durability.</summary>
    public static void Fill(string path, long images)
    {
        var database = OpenHandle(path, Durability.Normal);
        Execute(database, """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            PRAGMA cache_size = -1000000;
            PRAGMA ignore_check_constraints = ON;
            """);
        using (var filler = new RawSqlite(database))
        {
            filler.Step(filler._begin);
            for (var image = 0L; image < images; image++)
                filler.Upsert(Images.Id(image), 0, Images.LastUsedAt(image, images) * 1000);
            filler.Step(filler._commit);
            Execute(database, "PRAGMA journal_mode = WAL");
        }
    }

    public void Record(string imageId, BenchmarkTime time) => Upsert(imageId, 1, time.Read().SinceBoot);

    public void Record(string[] imageIds, BenchmarkTime time)
    {
        Step(_begin);
        foreach (var imageId in imageIds)
            Upsert(imageId, 1, time.Read().SinceBoot);
        Step(_commit);
    }

    /// <summary>Runs the statements of the store's prune.</summary>
    public List<KeyValuePair<string, long>> Prune(string[] inUse, BenchmarkTime time, TimeSpan threshold)
    {
        var expired = new List<KeyValuePair<string, long>>();
        var (sinceBoot, wall) = time.Read();
        var now = new Now(1, 0, wall - sinceBoot, 0, sinceBoot, 0);
        var decision = ImageUseStore.DecisionParameters.Of(now, threshold, TimeSpan.Zero);
        (string, long)[] parameters = [.. typeof(ImageUseStore.DecisionParameters).GetProperties()
            .Where(property => property.Name != "Run" && property.PropertyType == typeof(long))
            .Select(property => ($"@{char.ToLowerInvariant(property.Name[0])}{property.Name[1..]}",
                (long)property.GetValue(decision)!))];
        Step(_begin);
        Execute(_database, ImageUseStore.CreateListed);
        InsertInUse(inUse);
        Run(ImageUseStore.SelectOtherForm, []);
        Run(ImageUseStore.RecordInUse, parameters);
        Run(ImageUseStore.DropOldHistory,
            [("@tooOld", now.WallSeconds - ImageUseStore.HistorySeconds), ("@historyRuns", ImageUseStore.HistoryRuns)]);
        var run = 0L;
        Run(ImageUseStore.InsertRun.Replace("@kind", "'scheduled'", StringComparison.Ordinal),
            [("@wallSeconds", now.WallSeconds), ("@seconds", decision.Threshold / 1000)],
            row => run = raw.sqlite3_column_int64(row, 0));
        Run(ImageUseStore.RemoveExpired, [.. parameters, ("@run", run)]);
        Run(ImageUseStore.ForgetExpired, [("@run", run)], row => expired.Add(new(
            raw.sqlite3_column_text(row, 0).utf8_to_string(), raw.sqlite3_column_int64(row, 3))));
        Step(_commit);
        expired.Sort((a, b) => a.Value.CompareTo(b.Value));
        return expired;
    }

    public void Dispose()
    {
        _upsert.Dispose();
        _begin.Dispose();
        _commit.Dispose();
        _database.Dispose();
    }

    private static sqlite3 OpenHandle(string path, Durability durability)
    {
        Batteries_V2.Init();
        var uri = $"file:{path}?psow={(durability == Durability.Full ? 0 : 1)}";
        SqliteException.ThrowExceptionForRC(
            raw.sqlite3_open_v2(uri, out var database, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_URI, null),
                database);
        return database;
    }

    private static void Execute(sqlite3 database, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(database, sql), database);

    private void Upsert(string imageId, long boot, long ran)
    {
        raw.sqlite3_bind_text(_upsert, 1, imageId);
        raw.sqlite3_bind_int64(_upsert, 2, boot);
        raw.sqlite3_bind_int64(_upsert, 3, ran);
        Step(_upsert);
    }

    private void InsertInUse(string[] inUse)
    {
        using var insert = Prepare(ImageUseStore.InsertListed);
        foreach (var imageId in inUse)
        {
            raw.sqlite3_bind_text(insert, 1, imageId);
            raw.sqlite3_bind_int64(insert, 2, 1);
            Step(insert);
        }
    }

    private void Run(string sql, (string Name, long Value)[] parameters, Action<sqlite3_stmt>? read = null)
    {
        for (var rest = sql; rest.Length > 0;)
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(_database, rest, out var prepared, out rest),
                _database);
            using var statement = prepared;
            foreach (var (name, value) in parameters)
                raw.sqlite3_bind_int64(statement, raw.sqlite3_bind_parameter_index(statement, name), value);
            while (raw.sqlite3_step(statement) == raw.SQLITE_ROW)
                read?.Invoke(statement);
            SqliteException.ThrowExceptionForRC(raw.sqlite3_reset(statement), _database);
        }
    }

    private sqlite3_stmt Prepare(string sql)
    {
        SqliteException.ThrowExceptionForRC(
            raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement), _database);
        return statement;
    }

    private void Step(sqlite3_stmt statement)
    {
        raw.sqlite3_step(statement);
        SqliteException.ThrowExceptionForRC(raw.sqlite3_reset(statement), _database);
    }
}

using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>An open connection, with its files, its boots and its prepared statement.</summary>
internal sealed class DatabaseSession : IDisposable
{
    private readonly List<PreparedStatement> _statements = [];

    public DatabaseSession(SqliteConnection connection, string path, DeviceClock clock)
    {
        Connection = connection;
        Files = new OpenFiles(connection, path);
        try
        {
            Boots = new BootTable(clock, Prepare(BootTable.FindBoot));
            Upsert = Prepare(ImageUseStore.UpsertUse);
        }
        catch (SqliteException exception)
        {
            var failure = StorageFailure.From(exception, path, "open the database", Connection);
            Dispose();
            throw failure;
        }
    }

    public SqliteConnection Connection { get; }

    public OpenFiles Files { get; }

    public BootTable Boots { get; }

    public PreparedStatement Upsert { get; }

    public void Dispose()
    {
        _statements.ForEach(statement => statement.Dispose());
        Files.Release(Connection);
        Connection.Dispose();
    }

    private PreparedStatement Prepare(string sql)
    {
        var statement = new PreparedStatement(Connection, sql);
        _statements.Add(statement);
        return statement;
    }
}

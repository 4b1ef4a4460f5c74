using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>A connection that waits for another writer as long as `busy_timeout` says, and then fails.</summary>
/// <remarks>
/// The provider retries a busy command every 150 ms until the command times out, and forever if its timeout is 0, which
/// Dapper.AOT sets by default (https://learn.microsoft.com/dotnet/standard/data/sqlite/database-errors). With a
/// negative timeout it throws at once.
/// </remarks>
internal sealed class FailFastConnection(string connectionString) : SqliteConnection(connectionString)
{
    public override SqliteCommand CreateCommand() => new FailFastCommand { Connection = this, CommandTimeout = 0 };

    private sealed class FailFastCommand : SqliteCommand
    {
        public override int CommandTimeout
        {
            get => base.CommandTimeout;
            set => base.CommandTimeout = value == 0 ? -1 : value;
        }
    }
}

using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>Waits for another writer as long as `busy_timeout` says, and then fails.</summary>
/// <remarks>
/// The provider adds waits of 150 ms of its own until the command times out, with a time-out of zero for ever, and zero
/// is what generated code asks for unless told otherwise. Below zero it hands SQLITE_BUSY on.
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

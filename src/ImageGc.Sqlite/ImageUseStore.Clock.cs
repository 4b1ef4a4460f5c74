using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private ClockStep? _followed;

    /// <summary>Runs <paramref name="change"/> with the time to stamp with, in one IMMEDIATE transaction.</summary>
    private T Stamp<T>(string doing, Func<SqliteConnection, long, T> change) =>
        FollowingClock(doing, (store: this, change), static (connection, args) =>
        {
            using var transaction = Transaction.BeginImmediate(connection);
            var result = args.change(connection, args.store._clock.Now());
            transaction.Commit();
            return result;
        });

    /// <summary>Runs <paramref name="change"/>, which commits, after the stamps followed the wall clock.</summary>
    private T FollowingClock<TArgs, T>(string doing, TArgs args, Func<SqliteConnection, TArgs, T> change)
    {
        try
        {
            return _database.Run(doing, (store: this, args, change), static (connection, args) =>
            {
                args.store.FollowClock(connection);
                args.store._clock.Begin();
                var result = args.change(connection, args.args);
                args.store._clock.Committed();
                return result;
            });
        }
        finally
        {
            // Not before: a logger may record images itself.
            if (Interlocked.Exchange(ref _followed, null) is { } step)
                _log.FollowedClock(step.By, step.Moved);
        }
    }

    /// <summary>
    /// Moves the stamps written since the store was opened, and no others, by a step of the wall clock.
    /// </summary>
    private void FollowClock(SqliteConnection connection)
    {
        var step = _clock.Step();
        if (step == 0)
            return;

        using var transaction = Transaction.BeginImmediate(connection);
        var moved = MoveStamps(connection, step);
        transaction.Commit();
        _clock.Follow(step);
        _followed = new ClockStep(TimeSpan.FromSeconds(step), moved);
    }

    /// <remarks>A row whose stamp is not the one given here was stamped by another process since.</remarks>
    private int MoveStamps(SqliteConnection connection, long step) => step == 0 ? 0 : connection.Execute("""
        UPDATE image_use
        SET last_used_at = max(0, min(@latest, last_used_at + @step))
        WHERE image_id = @imageId
          AND last_used_at = @at
        """, _clock.Stamps.Select(
            stamp => new { imageId = stamp.ImageId, at = stamp.At, step, latest = StampClock.Latest }));

    private sealed record ClockStep(TimeSpan By, int Moved);
}

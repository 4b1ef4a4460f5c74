using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

public sealed partial class ImageUseStore
{
    private ClockStep? _followed;

    /// <summary>
    /// Moves the stamps written since the store was opened, and no others, by the step of the wall clock if that was
    /// set. Every call that records or prunes does so itself, and <see cref="Dispose"/> too: a runtime that records
    /// rarely calls it each minute, so that neither a crash nor a prune of another process meets stamps of a clock that
    /// was wrong.
    /// </summary>
    /// <remarks>Without such a step it reads and writes nothing.</remarks>
    /// <exception cref="ImageUseStoreException">The stamps could not be moved; the next call tries again.</exception>
    public void CorrectTimes() => WithCorrectedTimes("follow the clock", 0, static (_, _) => 0);

    /// <summary>Runs <paramref name="change"/> with the time to stamp with, in one IMMEDIATE transaction.</summary>
    private T Stamp<T>(string doing, Func<SqliteConnection, long, T> change) =>
        WithCorrectedTimes(doing, (store: this, doing, change), static (connection, args) =>
        {
            args.store._database.RequireWriting(args.doing);
            using var transaction = Transaction.BeginImmediate(connection);
            var result = args.change(connection, args.store._clock.Now());
            transaction.Commit();
            return result;
        });

    /// <summary>Runs <paramref name="change"/>, which commits, after the stamps followed the wall clock.</summary>
    private T WithCorrectedTimes<TArgs, T>(string doing, TArgs args, Func<SqliteConnection, TArgs, T> change)
    {
        try
        {
            return _database.Run(doing, (store: this, args, change), static (connection, args) =>
            {
                args.store.CorrectStep(connection);
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
                _log.CorrectedTimes(step.By, step.Moved);
        }
    }

    private void CorrectStep(SqliteConnection connection)
    {
        var step = _clock.Step();
        if (step == 0 || _database.ReadOnly)
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

    /// <summary>Salvaged images were stamped when the database was opened, by another store.</summary>
    private void TakeOverSalvaged()
    {
        foreach (var image in List())
            _clock.Stamped(image.ImageId, image.LastUsedAt.ToUnixTimeSeconds());
        _clock.Committed();
    }

    private sealed record ClockStep(TimeSpan By, int Moved);
}

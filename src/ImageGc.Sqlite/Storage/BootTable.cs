using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>The boots of the device in the database, and the current moment in terms of them.</summary>
/// <remarks>
/// Everything that is known of a boot is in its row. So each process of the boot continues where the last one stopped,
/// and the first one that notices that the clock was set corrects the times of all images of the boot.
/// </remarks>
internal sealed class BootTable(DeviceClock clock, PreparedStatement find)
{
    /// <summary>
    /// Milliseconds. A clock that is set by less is being adjusted; one set by more was wrong before.
    /// </summary>
    private const long ClockSet = 60_000;

    /// <summary>
    /// Milliseconds. A smaller difference means nothing: the two clocks are read one after the other.
    /// </summary>
    private const long ClockAdjusted = 1000;

    /// <summary>Milliseconds. `last_seen` is written no more often, so that a record usually changes one row.</summary>
    private const long LastSeenInterval = 60_000;

    /// <summary>Returns the current moment, corrected if the clock was set, without writing.</summary>
    public Now Read(SqliteConnection connection)
    {
        if (TryFind(out var now, out _))
            return now;
        var (sinceBoot, wall) = clock.Read();
        var ranBefore = RanBefore(connection, sinceBoot);
        return new Now(Now.NotInDatabase, ranBefore, wall - sinceBoot, sinceBoot, sinceBoot, 0);
    }

    /// <summary>Returns the current moment, and updates the row of the boot. The caller has the write lock.</summary>
    public Now Write(SqliteConnection connection)
    {
        if (!TryFind(out var now, out var lastSeen))
            return Begin(connection);
        if (now.SetBy != 0 || now.SinceBoot - lastSeen >= LastSeenInterval)
        {
            connection.Execute(UpdateBoot, new
            {
                boot = now.Boot,
                beganAt = now.BeganAt,
                clockSetAt = now.ClockSetAt,
                sinceBoot = now.SinceBoot,
            });
        }

        return now;
    }

    /// <summary>Finds the newest row if it is of this boot and was last seen no later than now.</summary>
    /// <remarks>
    /// A row that was seen later is of an earlier boot with the same ID: Raspberry Pi 0 and 1 have one ID for all their
    /// boots, and so has a virtual machine that goes back to a snapshot. If the newest row is of another clock, its
    /// uses may be later than the running time of this clock's row, so this clock begins a new row.
    /// </remarks>
    private bool TryFind(out Now now, out long lastSeen)
    {
        Span<long> row = stackalloc long[5];
        var found = find.TryReadRow(clock.BootId, row);
        var (sinceBoot, wall) = clock.Read(); // After the row, into which another process may have written just now.
        if (!found || sinceBoot < row[4])
        {
            (now, lastSeen) = (default, 0);
            return false;
        }

        var (beganAt, clockSetAt) = (row[2], row[3]);
        lastSeen = row[4];
        var setBy = wall - sinceBoot - beganAt;
        now = Math.Abs(setBy) < ClockAdjusted
            ? new Now(row[0], row[1], beganAt, clockSetAt, sinceBoot, 0)
            : new Now(row[0], row[1], beganAt + setBy, Math.Abs(setBy) > ClockSet ? sinceBoot : clockSetAt,
                sinceBoot, setBy);
        return true;
    }

    internal const string FindBoot = """
        SELECT boot, ran_before, began_at, clock_set_at, last_seen
        FROM boot
        WHERE boot_id = @bootId
          AND boot = (SELECT max(boot) FROM boot)
        """;

    private const string UpdateBoot = """
        UPDATE boot
        SET began_at = @beganAt,
            clock_set_at = @clockSetAt,
            last_seen = @sinceBoot
        WHERE boot = @boot
        """;

    private Now Begin(SqliteConnection connection)
    {
        var (sinceBoot, wall) = clock.Read();
        var ranBefore = RanBefore(connection, sinceBoot);
        var beganAt = wall - sinceBoot;
        connection.Execute(CorrectEarlierRow, new
        {
            bootId = clock.BootId,
            beganAt,
            sinceBoot,
            clockSet = ClockSet,
            clockAdjusted = ClockAdjusted,
        });
        connection.Execute(DropBootsWithoutImages);
        var boot = connection.QuerySingle<long>(
            InsertBoot, new { bootId = clock.BootId, ranBefore, beganAt, sinceBoot });
        return new Now(boot, ranBefore, beganAt, sinceBoot, sinceBoot, 0);
    }

    /// <remarks>
    /// If this clock begins a new row because another one wrote since, its earlier row is corrected a last time. No
    /// time is left in which the clock of that row could settle.
    /// </remarks>
    private const string CorrectEarlierRow = """
        UPDATE boot
        SET began_at = @beganAt,
            clock_set_at = CASE WHEN abs(@beganAt - began_at) > @clockSet THEN last_seen ELSE clock_set_at END
        WHERE boot = (SELECT max(boot) FROM boot WHERE boot_id = @bootId)
          AND last_seen <= @sinceBoot
          AND abs(@beganAt - began_at) >= @clockAdjusted
        """;

    /// <summary>
    /// Returns how long the device ran before this boot, as far as it was seen. The time since boot is added to that
    /// only if the boot is certainly new. Otherwise another row may already contain this time (of the same kernel boot,
    /// or of a store that did not know its boot), so only the time from now on counts.
    /// </summary>
    /// <remarks>
    /// Reads every image, because uses can be later than the `last_seen` of their boot. This happens once a boot for a
    /// write, and at each read until the boot has a row.
    /// </remarks>
    private long RanBefore(SqliteConnection connection, long sinceBoot)
    {
        var seen = connection.QuerySingle<long>(HowLongSeen, new { seenAgainAfter = LastSeenInterval });
        var isCertainlyNew = clock.CountsFromBoot
            && connection.QuerySingle<bool>(IsCertainlyNew, new { kernelBootId = clock.KernelBootId });
        return isCertainlyNew ? seen : seen - sinceBoot;
    }

    /// <remarks>
    /// A use much later than its boot was seen is an edit or damage. It must not make the others older.
    /// </remarks>
    private const string HowLongSeen = """
        SELECT max(
                   coalesce((SELECT max(ran_before + last_seen) FROM boot WHERE boot <> 0), 0),
                   coalesce((
                       SELECT max(image_use.ran_at)
                       FROM image_use
                       JOIN boot ON boot.boot = image_use.boot
                       WHERE boot.boot <> 0
                         AND image_use.ran_at <= boot.ran_before + boot.last_seen + @seenAgainAfter), 0))
        """;

    private const string IsCertainlyNew = """
        SELECT NOT EXISTS (SELECT 1 FROM boot WHERE boot_id GLOB @kernelBootId || ' *')
           AND NOT EXISTS (
               SELECT 1
               FROM boot
               WHERE boot = (SELECT max(boot) FROM boot)
                 AND boot_id GLOB 'store *')
        """;

    /// <remarks>
    /// Keeps the newest boot, which holds how long the device ran, and the newest boot of the kernel, which may be the
    /// current one.
    /// </remarks>
    private const string DropBootsWithoutImages = """
        DELETE FROM boot
        WHERE boot <> 0
          AND boot NOT IN (SELECT boot FROM image_use)
          AND boot NOT IN (SELECT max(boot) FROM boot)
          AND boot NOT IN (SELECT coalesce(max(boot), 0) FROM boot WHERE boot_id NOT GLOB 'store *')
        """;

    /// <remarks>
    /// It is unknown whether a clock that is seen for the first time is right, so it must settle like one that was just
    /// set.
    /// </remarks>
    private const string InsertBoot = """
        INSERT INTO boot (boot_id, ran_before, began_at, clock_set_at, last_seen)
        VALUES (@bootId, @ranBefore, @beganAt, @sinceBoot, @sinceBoot)
        RETURNING boot
        """;
}

using Dapper;
using Microsoft.Data.Sqlite;

namespace ImageGc.Sqlite;

/// <summary>The boots of the device as the database has them, and the moment on their axis that is now.</summary>
/// <remarks>
/// All that is known of a boot is in its row, so that every process of the boot goes on where the last one was, and the
/// first one that sees the clock set corrects the times of all images of this boot.
/// </remarks>
internal sealed class BootTable(DeviceClock clock, PreparedStatement find)
{
    /// <summary>A clock that is set by less is being adjusted, not set right.</summary>
    private const long ClockSet = 60_000;

    /// <summary>A wall clock that moved by less was not set: the two clocks are read one after the other.</summary>
    private const long ClockAdjusted = 1000;

    /// <summary>So rarely a record writes when its boot was last seen, which is another row.</summary>
    private const long LastSeenInterval = 60_000;

    /// <summary>Now, with the clock corrected if it was set, in a database that stays as it is.</summary>
    public Now Read(SqliteConnection connection)
    {
        if (TryFind(out var now, out _))
            return now;
        var (sinceBoot, wall) = clock.Read();
        var ranBefore = RanBefore(connection, sinceBoot);
        return new Now(Now.NotInDatabase, ranBefore, wall - sinceBoot, sinceBoot, sinceBoot, 0);
    }

    /// <summary>Now, in the row of a boot that says so. For a transaction that has the lock for writing.</summary>
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

    /// <summary>The newest row, if it is of this boot and was not seen later than now.</summary>
    /// <remarks>
    /// Raspberry Pi 0 and 1 have one ID for all their boots, and so has a machine that goes back to a snapshot.
    /// If another clock wrote since, its uses may be younger than this row can show, so this clock begins a new row.
    /// </remarks>
    private bool TryFind(out Now now, out long lastSeen)
    {
        Span<long> row = stackalloc long[5];
        var found = find.TryReadRow(clock.BootId, row);
        var (sinceBoot, wall) = clock.Read(); // Not before: another process may have written a later time.
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
    /// Where this clock begins anew because another one wrote since, the times of its earlier uses follow it once more.
    /// That row has no time left in which its clock could settle.
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
    /// How long the device ran before this boot: all that was seen of it. The time since boot comes on top only for a
    /// boot that is certainly new. A row of the same kernel boot or of a store that did not know its boot may stand for
    /// the same time, so then only what passes from now on counts.
    /// </summary>
    /// <remarks>
    /// It reads every image: once a boot to write, and at each read until the boot has its row. Uses may be younger
    /// than when their boot was last seen.
    /// </remarks>
    private long RanBefore(SqliteConnection connection, long sinceBoot)
    {
        var seen = connection.QuerySingle<long>(HowLongSeen, new { seenAgainAfter = LastSeenInterval });
        var isCertainlyNew = clock.CountsFromBoot
            && connection.QuerySingle<bool>(IsCertainlyNew, new { kernelBootId = clock.KernelBootId });
        return isCertainlyNew ? seen : seen - sinceBoot;
    }

    /// <remarks>A use later than its boot was seen is an edit or damage, and must not make the others older.</remarks>
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
    /// The newest boot knows how long the device ran, and the newest of the kernel's boots may be the one that still
    /// runs.
    /// </remarks>
    private const string DropBootsWithoutImages = """
        DELETE FROM boot
        WHERE boot <> 0
          AND boot NOT IN (SELECT boot FROM image_use)
          AND boot NOT IN (SELECT max(boot) FROM boot)
          AND boot NOT IN (SELECT coalesce(max(boot), 0) FROM boot WHERE boot_id NOT GLOB 'store *')
        """;

    /// <remarks>
    /// Nobody can know whether a clock that is seen for the first time was right before, so it must settle like one
    /// that was just set.
    /// </remarks>
    private const string InsertBoot = """
        INSERT INTO boot (boot_id, ran_before, began_at, clock_set_at, last_seen)
        VALUES (@bootId, @ranBefore, @beganAt, @sinceBoot, @sinceBoot)
        RETURNING boot
        """;
}

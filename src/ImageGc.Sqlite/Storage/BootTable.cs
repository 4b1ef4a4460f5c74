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
    private const long SeenAgainAfter = 60_000;

    /// <summary>Now, with the clock corrected if it was set, in a database that stays as it is.</summary>
    public Now Read(SqliteConnection connection)
    {
        var (sinceBoot, wall) = clock.Read();
        return TryFind(sinceBoot, wall, out var now, out _)
            ? now
            : new Now(Now.NotInDatabase, RanBefore(connection, sinceBoot), wall - sinceBoot, 0, sinceBoot, 0);
    }

    /// <summary>Now, in the row of a boot that says so. For a transaction that has the lock for writing.</summary>
    public Now Write(SqliteConnection connection)
    {
        var (sinceBoot, wall) = clock.Read();
        if (!TryFind(sinceBoot, wall, out var now, out var lastSeen))
            return Begin(connection, sinceBoot, wall);
        if (now.SetBy != 0 || sinceBoot - lastSeen >= SeenAgainAfter)
        {
            connection.Execute(UpdateBoot, new
            {
                boot = now.Boot,
                beganAt = now.BeganAt,
                clockSetAt = now.ClockSetAt,
                sinceBoot,
            });
        }

        return now;
    }

    /// <summary>The newest row of this boot, unless it was seen later than now: then this is another boot.</summary>
    /// <remarks>
    /// Raspberry Pi 0 and 1 have one ID for all their boots, and so has a machine that goes back to a snapshot.
    /// </remarks>
    private bool TryFind(long sinceBoot, long wall, out Now now, out long lastSeen)
    {
        Span<long> row = stackalloc long[5];
        if (!find.TryReadRow(clock.BootId, row) || sinceBoot < row[4])
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
        ORDER BY boot DESC
        LIMIT 1
        """;

    private const string UpdateBoot = """
        UPDATE boot
        SET began_at = @beganAt,
            clock_set_at = @clockSetAt,
            last_seen = @sinceBoot
        WHERE boot = @boot
        """;

    private Now Begin(SqliteConnection connection, long sinceBoot, long wall)
    {
        var ranBefore = RanBefore(connection, sinceBoot);
        connection.Execute(DropBootsWithoutImages);
        var boot = connection.QuerySingle<long>(InsertBoot,
            new { bootId = clock.BootId, ranBefore, beganAt = wall - sinceBoot, sinceBoot });
        return new Now(boot, ranBefore, wall - sinceBoot, 0, sinceBoot, 0);
    }

    /// <summary>
    /// How long the device ran before this boot: all that was seen of it. The time since boot comes on top only for a
    /// boot that is certainly new. A row of the same kernel boot (in another time namespace) or of a store that did not
    /// know its boot may stand for the same time, so then only what passes from now on counts.
    /// </summary>
    /// <remarks>It reads every image, once a boot: uses may be younger than when their boot was last seen.</remarks>
    private long RanBefore(SqliteConnection connection, long sinceBoot) => connection.QuerySingle<long>("""
        SELECT max(
                   coalesce((SELECT max(ran_before + last_seen) FROM boot WHERE boot <> 0), 0),
                   coalesce((SELECT max(ran_at) FROM image_use WHERE boot <> 0), 0))
               - CASE WHEN @kernelBootId IS NULL
                        OR EXISTS (SELECT 1 FROM boot WHERE boot_id GLOB @kernelBootId || ' *')
                        OR (SELECT boot_id FROM boot ORDER BY boot DESC LIMIT 1) GLOB 'store *'
                      THEN @sinceBoot
                      ELSE 0 END
        """, new { kernelBootId = clock.KernelBootId, sinceBoot });

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

    private const string InsertBoot = """
        INSERT INTO boot (boot_id, ran_before, began_at, clock_set_at, last_seen)
        VALUES (@bootId, @ranBefore, @beganAt, 0, @sinceBoot)
        RETURNING boot
        """;
}

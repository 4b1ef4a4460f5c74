using ImageGc.Faults.Tests.Workload;

namespace ImageGc.Faults.Tests;

/// <summary>
/// Media that destroy the sector that they are writing when power fails. By default SQLite assumes that there are none.
/// The store makes it pad the log against them.
/// </summary>
public sealed class PowersafeOverwriteTests
{
    [Fact]
    public void A_destroyed_sector_loses_no_acknowledged_change()
    {
        using var scene = new Scene();
        scene.Run(Workloads.Mixed(rounds: 2, batch: 120));

        var verdict = scene.CutPower("power cuts that destroy a sector", imagesPerPoint: 20, destroysSectors: true);

        Assert.True(verdict.NothingLost, verdict.Explain());
    }

    [Fact]
    public void Without_padding_a_destroyed_sector_is_detected_as_lost_changes()
    {
        using var scene = new Scene(believesPowersafe: true);
        scene.Run(Workloads.Mixed(rounds: 2, batch: 120));

        var verdict = scene.CutPower("control, no padding against destroyed sectors", imagesPerPoint: 20,
            destroysSectors: true);

        Assert.NotEqual(0, verdict.Behind);
    }

    [Fact]
    public void The_padding_costs_at_most_twice_the_bytes_and_no_further_sync()
    {
        var (bytes, syncs) = CostOfRecord(believesPowersafe: true);
        var (paddedBytes, paddedSyncs) = CostOfRecord(believesPowersafe: false);

        Figures.Add("cost of one record",
            $"{paddedBytes} bytes, {paddedSyncs} sync; without padding {bytes} bytes, {syncs} sync");
        Assert.Equal(PageInLog, bytes);
        Assert.Equal((1, 1), (syncs, paddedSyncs));
        Assert.InRange(paddedBytes, bytes + 1, 2 * bytes);
    }

    /// <summary>A page with the header of its frame: https://www.sqlite.org/fileformat2.html#walformat.</summary>
    private const long PageInLog = 4096 + 24;

    private static (long Bytes, long Syncs) CostOfRecord(bool believesPowersafe)
    {
        const int Records = 50; // They fit into a minute, after which the row of the boot is written again.
        using var scene = new Scene(believesPowersafe: believesPowersafe);
        using var session = new Session(scene.Options, new SteppingTime());
        session.Store.RecordUse(Workloads.Id(0));
        var (bytes, syncs) = (scene.Vfs.BytesWritten, scene.Vfs.Syncs);
        for (var i = 0; i < Records; i++)
        {
            session.Time.Pass(TimeSpan.FromSeconds(1));
            session.Store.RecordUse(Workloads.Id(i % 10));
        }

        return ((scene.Vfs.BytesWritten - bytes) / Records, (scene.Vfs.Syncs - syncs) / Records);
    }
}

using ImageGc.Faults.Tests.Workload;

namespace ImageGc.Faults.Tests;

/// <summary>
/// Media that destroy the sector they are writing: SQLite expects none by default, and pads its log against them with
/// `psow=0`.
/// </summary>
public sealed class PowersafeOverwriteTests
{
    [Fact]
    public void A_destroyed_sector_takes_acknowledged_changes_with_it_by_default()
    {
        using var scene = new Scene();
        scene.Run(Workloads.Mixed(rounds: 4, batch: 120));

        var verdict = scene.CutPower("power cuts that destroy a sector", imagesPerPoint: 30, destroysSectors: true);

        Assert.True(verdict.Broken == 0, verdict.Explain());
        Assert.NotEqual(0, verdict.Behind);
    }

    [Fact]
    public void Padding_the_log_keeps_every_acknowledged_change_from_a_destroyed_sector()
    {
        using var scene = new Scene(powersafe: false);
        scene.Run(Workloads.Mixed(rounds: 4, batch: 120));

        var verdict = scene.CutPower("power cuts that destroy a sector, psow=0", imagesPerPoint: 30, destroysSectors: true);

        Assert.True(verdict is { Behind: 0, Broken: 0 }, verdict.Explain());
    }

    [Fact]
    public void Padding_the_log_costs_bytes_and_no_sync()
    {
        var (bytes, syncs) = CostOfRecord(powersafe: true);
        var (paddedBytes, paddedSyncs) = CostOfRecord(powersafe: false);

        Figures.Add("cost of one record", $"{bytes} bytes, {syncs} sync; psow=0: {paddedBytes} bytes, {paddedSyncs} sync");
        Assert.Equal(syncs, paddedSyncs);
        Assert.InRange(paddedBytes, bytes + 1, 2 * bytes);
    }

    private static (long Bytes, long Syncs) CostOfRecord(bool powersafe)
    {
        const int Records = 100;
        using var scene = new Scene(powersafe: powersafe);
        using var session = new Session(scene.Options, new SteppingTime());
        session.Store.RecordUse(Workloads.Id(0));
        var (bytes, syncs) = (scene.Vfs.BytesWritten, scene.Vfs.Syncs);
        for (var i = 0; i < Records; i++)
        {
            session.Time.Pass(Workloads.Step); // The same stamp again would not write anything.
            session.Store.RecordUse(Workloads.Id(i % 10));
        }

        return ((scene.Vfs.BytesWritten - bytes) / Records, (scene.Vfs.Syncs - syncs) / Records);
    }
}

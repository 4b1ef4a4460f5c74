using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

public sealed class PowerCutTests
{
    [Fact]
    public void Full_durability_keeps_every_acknowledged_change()
    {
        var (recording, history) = Record(Durability.Full, rounds: 4);

        var verdict = StoreJudge.New().Of(new PowerCuts(recording, imagesPerPoint: 20).All(), history);

        Figures.Add("power cuts, full durability", verdict.ToString());
        Assert.True(verdict is { Behind: 0, Broken: 0 }, string.Join('\n', verdict.Findings));
    }

    private static (Recording, History) Record(Durability durability, int rounds)
    {
        using var directory = ScratchDirectory.New();
        var recording = new Recording();
        using var vfs = new FaultVfs { Recording = recording };
        var options = new ImageUseStoreOptions
        {
            DatabasePath = directory.PathOf(StoreJudge.FileName),
            Durability = durability,
            Vfs = vfs.Name,
        };
        using var session = new Session(options, new SteppingTime());
        return (recording, History.Of(Workloads.Mixed(rounds), session, recording));
    }
}

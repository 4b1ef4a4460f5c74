using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Vfs;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>A workload during which the file system fails.</summary>
internal sealed class FaultyRun
{
    /// <summary>A persistent fault ends after this many calls that it may have hit.</summary>
    private const int CallsUntilHealed = 4;

    private readonly FaultPlan _plan;
    private readonly Session _session;
    private List<State> _possible = [State.Empty];

    /// <summary>
    /// What a failed call left in the log, complete but not acknowledged: it comes to light when the database is opened
    /// anew, unless a later change has overwritten it.
    /// </summary>
    private List<State> _inTheLog = [];
    private int _failures;
    private int _callsSinceHit;

    private FaultyRun(FaultPlan plan, Session session) => (_plan, _session) = (plan, session);

    public sealed record Outcome(VfsCall? Hit, int Failures);

    public static Outcome Of(FaultPlan plan)
    {
        using var directory = ScratchDirectory.New();
        using var vfs = new FaultVfs { Faults = plan };
        var options = new ImageUseStoreOptions { DatabasePath = directory.PathOf("image_use.db"), Vfs = vfs.Name };
        using var session = new Session(options, new SteppingTime());
        var run = new FaultyRun(plan, session);
        foreach (var operation in Workloads.Mixed(rounds: 1, batch: 60))
        {
            run.Make(operation);
            run.Make(Operation.List);
        }

        session.Close();
        options.Vfs = null;
        run._possible.AddRange(run._inTheLog);
        run.Make(Operation.List);
        Assert.Empty(session.Store.Check().Damage);
        return new Outcome(plan.Hit, run._failures);
    }

    private void Make(Operation operation)
    {
        _session.Time.Pass(Workloads.Step);
        if (operation == Operation.Reopen)
            _possible.AddRange(_inTheLog);
        var expected = _possible.ConvertAll(state => operation.Expect(state, _session.Now));
        try
        {
            var returned = operation.Do(_session);
            expected.RemoveAll(one => one.Returns != returned);
            Assert.True(expected.Count > 0, $"'{operation.Name}' returned what it never should: '{returned}'.");
            if (expected.TrueForAll(one => !_possible.Contains(one.Steps[^1])))
                _inTheLog = [];
            _possible = expected.ConvertAll(one => one.Steps[^1]);
        }
        catch (ImageUseStoreException) when (MayFail)
        {
            // It may have happened: every state on the way is possible now.
            _failures++;
            _inTheLog = [.. expected.SelectMany(one => one.Steps)];
            _possible.AddRange(_inTheLog);
        }

        if (_plan.Hit is not null && ++_callsSinceHit == CallsUntilHealed)
            _plan.Heal();
    }

    /// <summary>The call that the fault hits may fail, and while it persists those that follow; then none.</summary>
    private bool MayFail => _plan.Hit is not null && _callsSinceHit < (_plan.IsPersistent ? CallsUntilHealed : 1);
}

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
    private List<Rules> _possible = [Rules.Empty];

    /// <summary>
    /// States that a failed call may have left in the log, complete but not acknowledged. The next open finds them,
    /// unless a later change has overwritten them.
    /// </summary>
    private List<Rules> _inTheLog = [];

    /// <summary>Changes without room. The next change makes them first, unless the store is closed before.</summary>
    private readonly List<Func<Rules, Moment, IReadOnlyList<Rules>>> _later = [];

    private readonly HashSet<string> _unrecorded = [];

    /// <summary>Whether these changes may have been made already.</summary>
    private bool _mayBeDone;

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

        run.Make(Operation.Reopen);
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
        string[] used = [.. _unrecorded];
        var expected = Before(operation).ConvertAll(state => operation.Expect(state, _session.Now, used));
        try
        {
            var returned = operation.Do(_session);
            expected.RemoveAll(one => one.Returns != returned);
            Assert.True(expected.Count > 0, $"'{operation.Name}' returned what it never should: '{returned}'.");
            if (expected.TrueForAll(one => !_possible.Contains(one.Steps[^1])))
                _inTheLog = [];
            if (operation.Later is not null && MayFail)
            {
                // On a full disk a prune still decides, and may have had nothing to remove and nothing to write.
                Postpone(operation);
                _mayBeDone = true;
                _possible.AddRange(expected.SelectMany(one => one.Steps));
            }
            else
            {
                _possible = expected.ConvertAll(one => one.Steps[^1]);
                if (operation.IsChange || operation == Operation.Reopen)
                    ForgetPostponed();
            }
        }
        catch (ImageUseStoreException failure) when (MayFail)
        {
            Assert.NotEqual(StoreErrorReason.Corrupt, failure.Reason); // It would be salvaged, without its history.
            // The call may have had an effect: every state on its way is possible now.
            _failures++;
            _inTheLog = [.. expected.SelectMany(one => one.Steps)];
            _possible.AddRange(_inTheLog);
            if (!_session.IsOpen)
                ForgetPostponed();
            else if (failure.Reason == StoreErrorReason.Full)
                Postpone(operation);
        }

        if (_plan.Hit is not null && ++_callsSinceHit == CallsUntilHealed)
            _plan.Heal();
    }

    private void ForgetPostponed()
    {
        _later.Clear();
        _unrecorded.Clear();
        _mayBeDone = false;
    }

    private void Postpone(Operation operation)
    {
        string[] used = [.. _unrecorded];
        if (operation.Later is { } later)
            _later.Add((before, now) => later(before, now, used));
        _unrecorded.UnionWith(operation.Uses);
    }

    /// <summary>
    /// A change follows those for which there was no room before. Closing the store tries them once more.
    /// </summary>
    private List<Rules> Before(Operation operation)
    {
        if (_later.Count + _unrecorded.Count == 0 || !(operation.IsChange || operation == Operation.Reopen))
            return _possible;
        IEnumerable<Rules> changed = _possible;
        foreach (var later in _later)
            changed = changed.SelectMany(state => later(state, _session.Now));
        var after = changed.Select(state => state.Recorded(_session.Now, _unrecorded)).ToList();
        if (_mayBeDone)
            after.AddRange(_possible.Select(state => state.Recorded(_session.Now, _unrecorded)));
        return operation.IsChange && !_mayBeDone ? after : [.. _possible, .. after];
    }

    /// <summary>Only the call with the fault may fail, and the following ones while the fault persists.</summary>
    private bool MayFail => _plan.Hit is not null && _callsSinceHit < (_plan.IsPersistent ? CallsUntilHealed : 1);
}

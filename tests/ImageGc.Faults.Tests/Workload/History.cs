using ImageGc.Faults.Tests.PowerCut;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>The states of the store in their order.</summary>
internal sealed class History
{
    private readonly List<string> _states = [State.TextOf(Rules.Empty)];

    public Rules Latest { get; private set; } = Rules.Empty;

    /// <summary>Makes the calls in their order, and lets time pass before each of them.</summary>
    public void MakeAll(IEnumerable<Operation> operations, Session session, Recording recording)
    {
        foreach (var operation in operations)
        {
            session.Time.Pass(Workloads.Step);
            var expected = operation.Expect(Latest, session.Now, []);
            Make(operation.Name, expected, () => operation.Do(session), recording);
        }
    }

    /// <summary>Makes one call, and adds to the recording what it began and what it acknowledged.</summary>
    public void Make(string name, Expected expected, Func<string> call, Recording recording)
    {
        _states.AddRange(expected.Steps.Select(State.TextOf));
        Latest = expected.Steps[^1];
        recording.Began(name, _states.Count - 1);
        Assert.Equal(expected.Returns, call());
        recording.Acknowledged(_states.Count - 1);
    }

    /// <summary>Whether this is one of the states from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public bool Holds(string state, int first, int last) =>
        _states.IndexOf(state, first, last - first + 1) >= 0;
}

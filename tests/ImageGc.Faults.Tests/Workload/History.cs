using ImageGc.Faults.Tests.PowerCut;

namespace ImageGc.Faults.Tests.Workload;

/// <summary>The states that calls went through, one after the other.</summary>
internal sealed class History
{
    private readonly List<State> _states = [State.Empty];

    public IReadOnlyList<State> States => _states;

    /// <summary>Makes every call, and has the recording say what was begun and what was acknowledged.</summary>
    public static History Of(IEnumerable<Operation> operations, Session session, Recording recording)
    {
        var history = new History();
        foreach (var operation in operations)
        {
            session.Time.Pass(Workloads.Step);
            var expected = operation.Expect(history._states[^1], session.Now);
            history._states.AddRange(expected.Steps);
            recording.Began(operation.Name, history._states.Count - 1);

            Assert.Equal(expected.Returns, operation.Do(session));
            recording.Acknowledged(history._states.Count - 1);
        }

        return history;
    }

    /// <summary>Whether this is one of the states from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public bool Holds(string state, int first, int last) =>
        _states.FindIndex(first, last - first + 1, expected => expected.Text == state) >= 0;
}

using System.Globalization;
using ImageGc.Sqlite;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>What of a host can fail by itself while the rest goes on.</summary>
internal enum HostPart
{
    Database,
    Recording,
    Watching,
    Cleanup,
    Disk,
}

/// <summary>
/// What works and what does not, and since when; and the end of a host that only a new start can help.
/// </summary>
internal sealed class Health(
    Func<ImageUseStore> store, TimeProvider time, ILogger<Health> log, IHostApplicationLifetime? lifetime = null)
    : IHealthCheck
{
    /// <summary>By how much the time of a note may differ from what the clock says now.</summary>
    private static readonly TimeSpan ClockSet = TimeSpan.FromMinutes(1);

    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<HostPart, State> _parts = [];

    private readonly Lock _noting = new();
    private readonly Dictionary<HostPart, (string? Problem, DateTimeOffset Since)> _noted = [];

    /// <summary>Whether only a restart can help, and perhaps another setting or file.</summary>
    public static bool CannotGoOn(Exception failure) => failure is ImageUseStoreException
    {
        Reason: StoreErrorReason.Moved or StoreErrorReason.Corrupt or StoreErrorReason.NotOurs
            or StoreErrorReason.Library,
    };

    /// <summary>Whether the part works now.</summary>
    /// <param name="part">The part.</param>
    /// <param name="failure">Why it does not work; null if it does.</param>
    /// <param name="since">The timestamp since which it does not; now if null.</param>
    public void Report(HostPart part, Exception? failure, long? since = null)
    {
        var problem = failure is null ? null : HostingLog.Sentence(failure);
        lock (_oneAtATime)
        {
            var before = _parts.GetValueOrDefault(part);
            var isAsBefore = before is not null && before.Problem is null == problem is null;
            if (!isAsBefore || before!.Problem != problem)
                _parts[part] = new State(isAsBefore ? before!.Since : since ?? time.GetTimestamp(), failure, problem);
        }

        // While another host holds the lock, the notes are that host's.
        if (failure is not ImageUseStoreException { Reason: StoreErrorReason.Busy })
            Note(part);
        if (failure is null || !CannotGoOn(failure) || lifetime?.ApplicationStopping.IsCancellationRequested != false)
            return;
        log.CannotGoOn(failure);
        Environment.ExitCode = 1;
        lifetime.StopApplication();
    }

    /// <summary>The part does nothing, so that what an earlier host noted of it is over.</summary>
    public void TurnOff(HostPart part) => Note(part);

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var found = new Dictionary<string, object>();
        try
        {
            found["tracked"] = store().Count();
            if (store().LastPrune() is { } last)
                found["lastRun"] = last.PrunedAt;
            Report(HostPart.Database, failure: null);
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            Report(HostPart.Database, exception);
        }

        lock (_oneAtATime)
            return Task.FromResult(Describe(found, context.Registration.FailureStatus));
    }

    private HealthCheckResult Describe(Dictionary<string, object> found, HealthStatus unhealthy)
    {
        foreach (var (part, state) in _parts)
        {
            found[HostProblem.NameOf(part)] = state.Problem ?? "works";
            found[$"{HostProblem.NameOf(part)}Since"] = SinceOf(state);
        }

        var problems = _parts.Where(part => part.Value.Problem is not null).ToList();
        if (problems.Count == 0)
            return HealthCheckResult.Healthy(data: found);
        var description = string.Join(' ', problems.Select(part => string.Create(
            CultureInfo.InvariantCulture,
            $"{part.Key} has failed since {SinceOf(part.Value):u}: {part.Value.Problem}")));
        return new HealthCheckResult(
            problems[0].Key == HostPart.Database ? unhealthy : HealthStatus.Degraded,
            description, problems[0].Value.Failure, found);
    }

    /// <summary>By the clock as it is now: the device may have learnt the time since.</summary>
    private DateTimeOffset SinceOf(State state) => time.GetUtcNow() - time.GetElapsedTime(state.Since);

    /// <summary>
    /// Writes down for other programs what fails, until that succeeds and again when the clock was set; what works only
    /// after it did not.
    /// </summary>
    private void Note(HostPart part)
    {
        if (part == HostPart.Database)
            return;
        lock (_noting)
        {
            State? state;
            lock (_oneAtATime)
                state = _parts.GetValueOrDefault(part);
            var (problem, since) = (state?.Problem, state is null ? default : SinceOf(state));
            if (_noted.TryGetValue(part, out var noted) && noted.Problem == problem
                && (problem is null || (noted.Since - since).Duration() < ClockSet))
                return;
            if (TryNote(part, problem, since))
                _noted[part] = (problem, since);
        }
    }

    private bool TryNote(HostPart part, string? problem, DateTimeOffset since)
    {
        try
        {
            var (key, note) = HostProblem.ToNote(part, since, problem);
            if ((store().FindNote(key) ?? "") != note)
                store().RecordUse([], new Dictionary<string, string> { [key] = note });
            return true;
        }
#pragma warning disable CA1031 // Whatever it is, it concerns the note alone.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false; // Most likely the database itself is the problem, which cannot be written down in it.
        }
    }

    /// <param name="Since">The timestamp of the moment since which it works or does not.</param>
    /// <param name="Failure">Why it does not work; null if it does.</param>
    /// <param name="Problem">The same, as a sentence.</param>
    private sealed record State(long Since, Exception? Failure, string? Problem);
}

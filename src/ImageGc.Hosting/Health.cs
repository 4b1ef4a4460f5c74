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
    private readonly Lock _oneAtATime = new();
    private readonly SortedDictionary<HostPart, State> _parts = [];

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
        lock (_oneAtATime)
        {
            var problem = failure is null ? null : HostingLog.Sentence(failure);
            var before = _parts.GetValueOrDefault(part);
            if (before is not null && before.Problem == problem)
                return;
            var hasTurned = before is null || before.Problem is null || problem is null;
            var state = new State(hasTurned ? since ?? time.GetTimestamp() : before!.Since, failure, problem);
            _parts[part] = state;
            // While another host holds the lock, the notes are that host's.
            if (failure is not ImageUseStoreException { Reason: StoreErrorReason.Busy })
                Note(part, state);
        }

        if (failure is null || !CannotGoOn(failure) || lifetime?.ApplicationStopping.IsCancellationRequested != false)
            return;
        log.CannotGoOn(failure);
        Environment.ExitCode = 1;
        lifetime.StopApplication();
    }

    /// <summary>The part does nothing, so that what an earlier host noted of it is over.</summary>
    public void TurnOff(HostPart part)
    {
        lock (_oneAtATime)
            Note(part, new State(0, Failure: null, Problem: null));
    }

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

    /// <summary>For other programs; what works is written down only after it did not.</summary>
    private void Note(HostPart part, State state)
    {
        try
        {
            var (key, note) = HostProblem.ToNote(part, SinceOf(state), state.Problem);
            if (part != HostPart.Database && (store().FindNote(key) ?? "") != note)
                store().RecordUse([], new Dictionary<string, string> { [key] = note });
        }
#pragma warning disable CA1031 // Whatever it is, it concerns the note alone.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Most likely the database itself is the problem, which cannot be written down in it.
        }
    }

    /// <param name="Since">The timestamp of the moment since which it works or does not.</param>
    /// <param name="Failure">Why it does not work; null if it does.</param>
    /// <param name="Problem">The same, as a sentence.</param>
    private sealed record State(long Since, Exception? Failure, string? Problem);
}

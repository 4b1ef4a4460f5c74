using ImageGc.Sqlite;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

/// <summary>Reports what works and what fails, and ends the host if only a restart can help.</summary>
internal sealed class Health(
    HostState state, Func<ImageUseStore> store, ILogger<Health> log, IHostApplicationLifetime? lifetime = null)
    : IHealthCheck
{
    /// <summary>Whether only a restart can help, perhaps with another setting or file.</summary>
    public static bool NeedsRestart(Exception failure) => failure is ImageUseStoreException
    {
        Reason: StoreErrorReason.Moved or StoreErrorReason.Corrupt or StoreErrorReason.NotOurs
            or StoreErrorReason.Library,
    };

    /// <summary>Held while a part is reported: a use that fails while room is found is reported after that.</summary>
    private readonly Lock _reporting = new();

    private bool HasNoRoom => state.Parts.Any(part =>
        part is { Key: HostPart.Recording, Value.Failure: ImageUseStoreException { Reason: StoreErrorReason.Full } });

    /// <summary>Reports whether a part of the host works.</summary>
    /// <param name="part">The part.</param>
    /// <param name="failure">Why it fails; null if it works.</param>
    /// <param name="since">The timestamp at which it began to fail; now if null.</param>
    public void Report(HostPart part, Exception? failure, long? since = null)
    {
        lock (_reporting)
            state.Report(part, failure, since);
        if (failure is null || !NeedsRestart(failure) || lifetime?.ApplicationStopping.IsCancellationRequested != false)
            return;
        log.Stopping(failure);
        // StopApplication alone ends the program with 0, and systemd's Restart=on-failure would not start it again.
        Environment.ExitCode = 1;
        lifetime.StopApplication();
    }

    /// <summary>
    /// Reports that recording works again after the disk was too full: any write may have recorded the uses that
    /// waited.
    /// </summary>
    public void ReportRoom()
    {
        lock (_reporting)
        {
            if (HasNoRoom && !store().HasUnrecordedUses)
                Report(HostPart.Recording, failure: null);
        }
    }

    /// <summary>Reports that the disk is too full to record a use.</summary>
    /// <returns>Whether this is news.</returns>
    public bool ReportNoRoom(ImageUseStoreException full)
    {
        lock (_reporting)
        {
            var isNews = !HasNoRoom;
            Report(HostPart.Recording, full);
            return isNews;
        }
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

        return Task.FromResult(Describe(found, context.Registration.FailureStatus));
    }

    private HealthCheckResult Describe(Dictionary<string, object> found, HealthStatus unhealthy)
    {
        var parts = state.Parts;
        foreach (var (part, now) in parts)
        {
            found[HostProblem.NameOf(part)] = now.Problem ?? "works";
            found[$"{HostProblem.NameOf(part)}Since"] = state.TimeOf(now.Since);
        }

        var problems = parts.Where(part => part.Value.Problem is not null).ToList();
        if (problems.Count == 0)
            return HealthCheckResult.Healthy(data: found);
        var description = string.Join(' ', problems.Select(part => new HostProblem(
            HostProblem.NameOf(part.Key), state.TimeOf(part.Value.Since), part.Value.Problem!)));
        return new HealthCheckResult(
            problems[0].Key == HostPart.Database ? unhealthy : HealthStatus.Degraded,
            description, problems[0].Value.Failure, found);
    }
}

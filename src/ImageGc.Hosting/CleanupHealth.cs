using ImageGc.Sqlite;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ImageGc.Hosting;

/// <summary>Healthy while the database can be read and the last run took place.</summary>
internal sealed class CleanupHealth(Func<ImageUseStore> store) : IHealthCheck
{
    private volatile Exception? _lastFailure;

    /// <summary>Why the last run did not take place; null if it did.</summary>
    public Exception? LastFailure
    {
        get => _lastFailure;
        set => _lastFailure = value;
    }

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var data = new Dictionary<string, object> { ["tracked"] = store().Count() };
            if (store().LastPrune() is { } last)
                data["lastRun"] = last.PrunedAt;
            return Task.FromResult(LastFailure is { } failure
                ? HealthCheckResult.Degraded($"The last cleanup failed: {failure.Message}", failure, data)
                : HealthCheckResult.Healthy(data: data));
        }
        catch (ImageUseStoreException exception)
        {
            return Task.FromResult(
                new HealthCheckResult(context.Registration.FailureStatus, exception.Message, exception));
        }
    }
}

using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Finds invalid settings, with which the host does not start. Every message names the setting.</summary>
/// <param name="needsDatabase">Whether the host opens the database that the settings name.</param>
internal sealed class OptionsValidator(Func<bool> needsDatabase) : IValidateOptions<ImageGarbageCollectionOptions>
{
    private static readonly TimeSpan TenSeconds = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OneDay = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, ImageGarbageCollectionOptions options)
    {
        var failures = Failures(options).ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private IEnumerable<string> Failures(ImageGarbageCollectionOptions options)
    {
        if ((options.DatabasePath.Length > 0 || needsDatabase()) && StoreFailure(options) is { } refused)
            yield return refused;
        if (options.OwnerLabel is not null && string.IsNullOrWhiteSpace(options.OwnerLabel.Split('=')[0]))
            yield return $"{nameof(options.OwnerLabel)} names no label: use name or name=value, or leave it out.";
        if (options is { OwnerLabel: not null, TrackImages: not TrackImages.Containers })
            yield return $"{nameof(options.TrackImages)} is {options.TrackImages} and {nameof(options.OwnerLabel)} is "
                + "set, but the label selects containers. Use Containers, or leave the label out.";
        if (options.CleanupRecurrence < OneDay || options.CleanupRecurrence.Ticks % OneDay.Ticks != 0)
            yield return $"{nameof(options.CleanupRecurrence)} is {DurationText.Format(options.CleanupRecurrence)}: "
                + "use whole days, at least 1d.";
        if (options.CleanupTime.Ticks % TimeSpan.TicksPerMinute != 0)
            yield return $"{nameof(options.CleanupTime)} is {options.CleanupTime:O}: use HH:MM, from 00:00 to 23:59.";
        if (options.KeepImages.Any(string.IsNullOrWhiteSpace))
            yield return $"{nameof(options.KeepImages)} has an empty entry: name an image, or remove it.";
        if (options.KeepLabels.Any(label => string.IsNullOrWhiteSpace(label.Split('=')[0])))
            yield return $"{nameof(options.KeepLabels)} has an entry that names no label: use name or name=value.";
        if (options.KeepNewest < 0)
            yield return $"{nameof(options.KeepNewest)} is negative: use 0 or more.";
        foreach (var failure in DiskFailures(options))
            yield return failure;
    }

    /// <summary>Returns what the store itself would refuse; null if nothing.</summary>
    private static string? StoreFailure(ImageGarbageCollectionOptions options)
    {
        try
        {
            options.ToStoreOptions().Validate();
            return null;
        }
        catch (ArgumentException wrong)
        {
            // ArgumentException.Message ends with " (Parameter 'name')". The parameter has the name of the setting.
            var message = wrong.Message.Split(" (Parameter")[0];
            return message.StartsWith(wrong.ParamName!, StringComparison.Ordinal)
                ? message
                : $"{wrong.ParamName}: {message}";
        }
    }

    private static IEnumerable<string> DiskFailures(ImageGarbageCollectionOptions options)
    {
        if (options.MinimumAge < TimeSpan.Zero)
            yield return $"{nameof(options.MinimumAge)} is negative: use 0 or more.";
        if (options.DiskCheckInterval < TenSeconds || options.DiskCheckInterval > OneDay)
            yield return $"{nameof(options.DiskCheckInterval)} is {DurationText.Format(options.DiskCheckInterval)}: "
                + "use 10s to 1d.";
        if (options.ImageDirectory is not null && string.IsNullOrWhiteSpace(options.ImageDirectory))
            yield return $"{nameof(options.ImageDirectory)} is empty: name a directory, or leave it out.";
        if (options.HighThreshold is { UsedPercent: 0 } or { FreeBytes: 0 })
            yield return $"{nameof(options.HighThreshold)} is {options.HighThreshold}: use 1% to 100%, or 1B or more.";
        if (options.LowThreshold is not { } low)
            yield break;
        if (options.HighThreshold is not { } high)
            yield return $"{nameof(options.LowThreshold)} is {low}, but {nameof(options.HighThreshold)} is not set: "
                + "set both, or leave it out.";
        else if (low.UsedPercent >= high.UsedPercent || low.FreeBytes <= high.FreeBytes)
            yield return $"{nameof(options.LowThreshold)} is {low}: use one that is less full than "
                + $"{nameof(options.HighThreshold)}, {high}.";
    }
}

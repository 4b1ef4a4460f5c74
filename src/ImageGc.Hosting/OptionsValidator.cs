using ImageGc.Sqlite;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>What no host may start with; every message names the setting.</summary>
/// <param name="needsDatabase">Whether the database that the settings name is opened.</param>
internal sealed class OptionsValidator(Func<bool> needsDatabase) : IValidateOptions<ImageGarbageCollectionOptions>
{
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
                + "set: an image has no owner. Use Containers, or leave the label out.";
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
            yield return $"{nameof(options.KeepNewest)} is negative.";
        foreach (var failure in DiskFailures(options))
            yield return failure;
    }

    /// <summary>What the store itself would refuse.</summary>
    private static string? StoreFailure(ImageGarbageCollectionOptions options)
    {
        try
        {
            options.ToStoreOptions().Validate();
            return null;
        }
        catch (ArgumentException wrong)
        {
            var message = wrong.Message.Split(" (Parameter")[0];
            return message.StartsWith(wrong.ParamName!, StringComparison.Ordinal)
                ? message
                : $"{wrong.ParamName}: {message}";
        }
    }

    private static IEnumerable<string> DiskFailures(ImageGarbageCollectionOptions options)
    {
        if (options.HighThresholdPercent is not { } high)
            yield break;
        if (high is < 1 or > 100)
            yield return $"{nameof(options.HighThresholdPercent)} is {high}: use 1 to 100.";
        if (options.LowThresholdPercent < 0 || options.LowThresholdPercent >= high)
            yield return $"{nameof(options.LowThresholdPercent)} is {options.LowThresholdPercent}: "
                + $"use 0 or more, and less than {nameof(options.HighThresholdPercent)}, {high}.";
        if (options.MinimumAge < TimeSpan.Zero)
            yield return $"{nameof(options.MinimumAge)} is negative.";
    }
}

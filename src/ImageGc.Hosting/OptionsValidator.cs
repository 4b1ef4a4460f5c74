using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>What no host may start with; every message names the setting.</summary>
internal sealed class OptionsValidator : IValidateOptions<ImageGarbageCollectionOptions>
{
    private static readonly TimeSpan OneDay = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, ImageGarbageCollectionOptions options)
    {
        var failures = Failures(options).ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> Failures(ImageGarbageCollectionOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.DatabasePath))
            yield return $"{nameof(options.DatabasePath)} is missing: name the database file.";
        if (options.FlatFilePath is not null && string.IsNullOrWhiteSpace(options.FlatFilePath))
            yield return $"{nameof(options.FlatFilePath)} is blank: name the flat file, or leave it out.";
        if (!Enum.IsDefined(options.Durability))
            yield return $"{nameof(options.Durability)} is {options.Durability}: use Full or Normal.";
        if (options.OwnerLabel is not null && string.IsNullOrWhiteSpace(options.OwnerLabel.Split('=')[0]))
            yield return $"{nameof(options.OwnerLabel)} names no label: use name or name=value, or leave it out.";
        if (options.CleanupRecurrence < OneDay || options.CleanupRecurrence.Ticks % OneDay.Ticks != 0)
            yield return $"{nameof(options.CleanupRecurrence)} is {DurationText.Format(options.CleanupRecurrence)}: "
                + "use whole days, at least 1d.";
        if (options.ImageAgeCleanupThreshold < TimeSpan.Zero)
            yield return $"{nameof(options.ImageAgeCleanupThreshold)} is negative.";
        if (options.ClockSettleTime < TimeSpan.Zero)
            yield return $"{nameof(options.ClockSettleTime)} is negative.";
        if (options.CleanupTime.Ticks % TimeSpan.TicksPerMinute != 0)
            yield return $"{nameof(options.CleanupTime)} is {options.CleanupTime:O}: use HH:MM, from 00:00 to 23:59.";
        if (options.EngineAddress.Scheme is not ("unix" or "tcp" or "http"))
            yield return $"{nameof(options.EngineAddress)} is '{WithoutUser(options.EngineAddress)}': "
                + "use unix:///path or tcp://host:port.";
        if (options.EngineAddress.UserInfo.Length > 0) // Docker ignores it, and the log shows the address.
            yield return $"{nameof(options.EngineAddress)} names a user: leave that out, use tcp://host:port.";
        if (options.EngineTimeout <= TimeSpan.Zero || options.EngineTimeout > TimeSpan.FromDays(1))
            yield return $"{nameof(options.EngineTimeout)} is {options.EngineTimeout}: use more than 0, at most 1d.";
        if (options.KeepImages.Any(string.IsNullOrWhiteSpace))
            yield return $"{nameof(options.KeepImages)} has an empty entry: name an image, or remove it.";
        foreach (var failure in DiskFailures(options))
            yield return failure;
    }

    private static string WithoutUser(Uri address) =>
        address.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.UserInfo, UriFormat.UriEscaped);

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

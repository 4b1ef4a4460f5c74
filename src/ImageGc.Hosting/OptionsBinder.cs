using System.Globalization;
using System.Text.Json;
using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace ImageGc.Hosting;

/// <summary>Reads the options from configuration, with durations such as 7d and times such as 03:30.</summary>
internal sealed class OptionsBinder(IConfiguration section, IReadOnlyList<string> ofTheEngine)
    : IConfigureOptions<ImageGarbageCollectionOptions>
{
    private delegate bool Parser<T>(string text, out T value);

    public void Configure(ImageGarbageCollectionOptions options)
    {
        RefuseUnknown();
        Read(nameof(options.Enabled), bool.TryParse, "use true or false", (bool value) => options.Enabled = value);
        ReadDuration(
            nameof(options.CleanupRecurrence), value => options.CleanupRecurrence = value, "use whole days: 1d, 7d");
        ReadDuration(nameof(options.ImageAgeCleanupThreshold), value => options.ImageAgeCleanupThreshold = value);
        Read(nameof(options.CleanupTime), TryParseTime, "use HH:MM, from 00:00 to 23:59",
            (TimeOnly value) => options.CleanupTime = value);
        Read(nameof(options.DatabasePath), TryText, "", (string value) => options.DatabasePath = value);
        Read(nameof(options.FlatFilePath), TryText, "", (string value) => options.FlatFilePath = value);
        Read(nameof(options.Durability), TryParseName, "use Full or Normal",
            (Durability value) => options.Durability = value);
        ReadDuration(nameof(options.BusyTimeout), value => options.BusyTimeout = value);
        ReadDuration(nameof(options.ClockSettleTime), value => options.ClockSettleTime = value);
        Read(nameof(options.WatchContainers), bool.TryParse, "use true or false",
            (bool value) => options.WatchContainers = value);
        Read(nameof(options.TrackImages), TryParseName, "use Containers, Pulled or All",
            (TrackImages value) => options.TrackImages = value);
        Read(nameof(options.OwnerLabel), TryText, "", (string value) => options.OwnerLabel = value);
        Read(nameof(options.HighThreshold), DiskThreshold.TryParse, DiskThreshold.AcceptedForms,
            (DiskThreshold value) => options.HighThreshold = value);
        Read(nameof(options.LowThreshold), DiskThreshold.TryParse, DiskThreshold.AcceptedForms,
            (DiskThreshold value) => options.LowThreshold = value);
        ReadDuration(nameof(options.MinimumAge), value => options.MinimumAge = value);
        ReadDuration(nameof(options.DiskCheckInterval), value => options.DiskCheckInterval = value);
        Read(nameof(options.ImageDirectory), TryText, "", (string value) => options.ImageDirectory = value);
        ReadList(nameof(options.KeepImages), options.KeepImages);
        ReadList(nameof(options.KeepLabels), options.KeepLabels);
        Read(nameof(options.KeepNewest), TryParseNumber, "use a whole number, 0 or more",
            (int value) => options.KeepNewest = value);
    }

    /// <summary>Refuses settings that would have no effect: a misspelt KeepImages would keep nothing.</summary>
    private void RefuseUnknown()
    {
        var known = typeof(ImageGarbageCollectionOptions).GetProperties().Select(property => property.Name)
            .Concat(ofTheEngine).ToList();
        string[] mayHaveChildren =
        [
            nameof(ImageGarbageCollectionOptions.KeepImages), nameof(ImageGarbageCollectionOptions.KeepLabels),
            .. ofTheEngine,
        ];
        foreach (var child in section.GetChildren())
        {
            var setting = child.Key;
            if (!known.Contains(setting, StringComparer.OrdinalIgnoreCase))
            {
                var nearest = NearestName.Find(setting, known);
                throw Invalid(nearest is null
                    ? $"{Path(setting)} is not a setting: use {string.Join(", ", known)}."
                    : $"{Path(setting)} is not a setting; the nearest is {nearest}.");
            }

            if (child.GetChildren().Any() && !mayHaveChildren.Contains(setting, StringComparer.OrdinalIgnoreCase))
                throw Invalid($"{Path(setting)} is a list or an object: use one value.");
        }
    }

    private void ReadList(string name, IList<string> entries)
    {
        // A text and an array can come from two sources, such as a variable and a file. They add up.
        var list = section.GetSection(name);
        foreach (var entry in InOneText(name, list.Value?.Trim() ?? "")
            .Concat(list.GetChildren().Select(child => child.Value ?? "")).Distinct())
            entries.Add(entry);
    }

    /// <summary>Reads a list from one text, such as an environment variable: with commas, or a JSON array.</summary>
    private string[] InOneText(string name, string text)
    {
        if (!text.StartsWith('['))
            return text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        try
        {
            using var list = JsonDocument.Parse(text);
            return [.. list.RootElement.EnumerateArray().Select(entry => entry.GetString() ?? "")];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Invalid($"{Path(name)} is '{text}': use a list with commas, or a JSON array of strings.");
        }
    }

    private void ReadDuration(
        string name, Action<TimeSpan> set, string accepted = DurationText.AcceptedForms) => Read(
        name, (string text, out TimeSpan value) => DurationText.TryParse(text, out value, out _), accepted, set);

    private void Read<T>(string name, Parser<T> parse, string accepted, Action<T> set)
    {
        if (section[name] is not { } text || text.Length == 0) // An empty variable counts as not set.
            return;
        if (!parse(text.Trim(), out var value))
            throw Invalid($"{Path(name)} is '{text}': {accepted}.");
        set(value);
    }

    private string Path(string name) =>
        section is IConfigurationSection { Path: { Length: > 0 } path } ? ConfigurationPath.Combine(path, name) : name;

    private static bool TryText(string text, out string value)
    {
        value = text;
        return true;
    }

    private static bool TryParseTime(string text, out TimeOnly time) => TimeOnly.TryParseExact(
        text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out time);

    // Enum.TryParse accepts numbers too, which would be a second, unreadable spelling of every name.
    private static bool TryParseName<T>(string text, out T value)
        where T : struct, Enum =>
        Enum.TryParse(text, ignoreCase: true, out value) && Enum.IsDefined(value) && !char.IsAsciiDigit(text[0]);

    private static bool TryParseNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static OptionsValidationException Invalid(string message) =>
        new(Options.DefaultName, typeof(ImageGarbageCollectionOptions), [message]);
}

using System.CommandLine.Parsing;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Durations as people write them: 30s, 90m, 12h, 7d, 3w, 0.</summary>
internal static class DurationParser
{
    /// <summary>A custom parser for an option: an invalid duration becomes a usage error.</summary>
    public static TimeSpan? Parse(ArgumentResult given)
    {
        var text = given.Tokens.Count > 0 ? given.Tokens[^1].Value : "";
        if (DurationText.TryParse(text, out var duration, out var why))
            return duration;
        given.AddError($"'{text}' {why}: {DurationText.AcceptedForms}.");
        return null;
    }
}

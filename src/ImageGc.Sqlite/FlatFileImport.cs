namespace ImageGc.Sqlite;

/// <summary>What an import of a flat file did.</summary>
/// <param name="Images">How many lines named an image, good times and implausible ones together.</param>
/// <param name="Changed">How many of them added a row or moved its last use forward; 0 when repeated.</param>
/// <param name="Implausible">
/// How many had a time that cannot be believed: in the future, before 2015, or on a last line torn by power loss.
/// Such an image counts as used now, unless it was tracked already.
/// </param>
/// <param name="Skipped">How many lines could not be read.</param>
/// <param name="SkippedLines">
/// The first <see cref="MaxSkippedLines"/> lines that could not be read, so that a hostile file cannot fill the memory.
/// </param>
public sealed record FlatFileImport(
    long Images, long Changed, long Implausible, long Skipped, IReadOnlyList<SkippedLine> SkippedLines)
{
    /// <summary>The most lines that <see cref="SkippedLines"/> lists.</summary>
    public const int MaxSkippedLines = 20;
}

/// <summary>A line of a flat file that could not be read.</summary>
/// <param name="Number">The line number, from 1.</param>
/// <param name="Why">What is wrong with it.</param>
public readonly record struct SkippedLine(long Number, string Why);

namespace ImageGc.Sqlite;

/// <summary>The result of importing a flat file.</summary>
/// <param name="Images">How many lines contained an image, including those with an implausible time.</param>
/// <param name="Changed">How many of them added an image or made its last use later; 0 if imported again.</param>
/// <param name="Implausible">
/// How many of them had an implausible time: in the future, before 2015, or on a last line that power loss cut off. The
/// image then counts as used now; if it was tracked already, it is left unchanged.
/// </param>
/// <param name="Skipped">How many lines could not be read.</param>
/// <param name="SkippedLines">
/// The first of these lines; at most <see cref="MaxSkippedLines"/>, so that no file can exhaust the memory.
/// </param>
public sealed record FlatFileImport(
    long Images, long Changed, long Implausible, long Skipped, IReadOnlyList<SkippedLine> SkippedLines)
{
    /// <summary>The maximum number of lines in <see cref="SkippedLines"/>.</summary>
    public const int MaxSkippedLines = 20;
}

/// <summary>A line of a flat file that could not be read.</summary>
/// <param name="Number">The line number, starting at 1.</param>
/// <param name="Why">What is wrong with the line.</param>
public readonly record struct SkippedLine(long Number, string Why);

using System.Text;

namespace ImageGc.Cli.Pruning;

/// <summary>
/// Splits a command line into words at white space; quotes keep words together, and nothing is expanded.
/// </summary>
internal static class CommandLineSplitter
{
    private const string ShellOnly = "|&;<>$`";

    /// <exception cref="FormatException">
    /// A quote is open, or a character needs a shell. The message continues "The command …".
    /// </exception>
    public static List<string> Split(string commandLine)
    {
        List<string> words = [];
        var word = new StringBuilder();
        var (inWord, quote) = (false, '\0');
        foreach (var next in commandLine + ' ') // The space ends the last word.
        {
            if (quote == '\0' && char.IsWhiteSpace(next))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
                continue;
            }

            inWord = true;
            if (next == quote)
                quote = '\0';
            else if (quote == '\0' && next is '\'' or '"')
                quote = next;
            else
                word.Append(quote == '\0' ? RequirePlain(next) : next);
        }

        return quote == '\0' ? words : throw new FormatException($"has a {quote} that is not closed");
    }

    private static char RequirePlain(char next) => ShellOnly.Contains(next, StringComparison.Ordinal)
        ? throw new FormatException($"is not run by a shell, so {next} has no effect: quote it, or write a script")
        : next;
}

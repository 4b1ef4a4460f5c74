using System.Globalization;
using ImageGc.Cli.Terminal;
using ImageGc.Sqlite;
using Spectre.Console;

namespace ImageGc.Cli.Output;

/// <summary>Rows for two readers: a table on a terminal, tab-separated lines without a header in a pipe.</summary>
internal sealed class OutputTable(params string[] headers)
{
    /// <summary>The column with image IDs, truncated if the terminal is too narrow.</summary>
    public const string IdColumn = "IMAGE ID";

    /// <summary>The column with the names of images, truncated too.</summary>
    public const string NameColumn = "NAME";

    /// <summary>Every table fits into this width; on a narrower terminal the lines wrap.</summary>
    private const int MinWidth = 80;

    private readonly List<Cell[]> _rows = [];

    /// <summary>The column with verdicts in words, truncated too.</summary>
    public const string VerdictColumn = "VERDICT";

    /// <summary>The column with reasons, truncated too.</summary>
    public const string WhyColumn = "WHY";

    /// <summary>The columns on a terminal, in order; null for all columns in the order for scripts.</summary>
    public IReadOnlyList<string>? Shown { get; init; }

    /// <summary>Whether long cells may make lines longer than the terminal is wide.</summary>
    public bool AllowWideLines { get; init; }

    public bool ShowHeaders { get; init; } = true;

    public void Add(params Cell[] cells) => _rows.Add(cells);

    public void WriteTo(TextWriter output, ConsoleEnvironment environment)
    {
        if (environment.TerminalWidth is { } width)
        {
            // No line with one ID is cut or wrapped then, however long the ID is.
            var tableWidth = AllowWideLines ? width + ImageId.MaxLength : Math.Max(width, MinWidth);
            WriteTable(output, environment.UseColors, tableWidth);
        }
        else
        {
            WriteLines(output);
        }
    }

    private void WriteLines(TextWriter output)
    {
        foreach (var row in _rows)
            output.WriteLine(string.Join('\t', row.Select(cell => cell.Value)));
    }

    private void WriteTable(TextWriter output, bool colors, int width)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = ShowHeaders };
        var shown = Shown ?? headers;
        foreach (var header in shown)
        {
            var noWrap = header is not (IdColumn or NameColumn or VerdictColumn or WhyColumn);
            table.AddColumn(new TableColumn(header) { NoWrap = noWrap, Padding = new Padding(0, 0, 2, 0) });
        }

        foreach (var row in _rows)
            table.AddRow(shown.Select(header => Render(row[Array.IndexOf(headers, header)])));

        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colors ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colors ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = width;
        console.Write(table);
    }

    private static Text Render(Cell cell) =>
        new Text(cell.Display ?? cell.Value, new Style(cell.Color)) { Overflow = Overflow.Ellipsis };
}

/// <summary>A value for scripts, for people if they see it in another form, and its colour.</summary>
internal readonly record struct Cell(string Value, string? Display = null, Color? Color = null)
{
    public static Cell Of(long number) => new(number.ToString(CultureInfo.InvariantCulture));
}

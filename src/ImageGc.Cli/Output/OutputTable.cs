using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ImageGc.Cli.Output;

/// <summary>Rows for two readers: a table on a terminal, tab-separated lines without a header in a pipe.</summary>
internal sealed class Listing(params string[] headers)
{
    /// <summary>The column that gives way where the terminal is too narrow.</summary>
    public const string Elastic = "IMAGE";

    private const int WidestId = 512;

    /// <summary>What every table fits into; on a narrower terminal lines run over, and nothing is lost.</summary>
    private const int Narrowest = 80;

    private readonly List<Cell[]> _rows = [];

    /// <summary>Whether long cells may make lines longer than the terminal is wide.</summary>
    public bool Full { get; init; }

    public void Add(params Cell[] cells) => _rows.Add(cells);

    public void WriteTo(TextWriter output, Shell shell)
    {
        if (shell.TerminalWidth is { } width)
            WriteTable(output, shell.Colors, Full ? width + WidestId : Math.Max(width, Narrowest));
        else
            WriteLines(output);
    }

    private void WriteLines(TextWriter output)
    {
        foreach (var row in _rows)
            output.WriteLine(string.Join('\t', row.Select(cell => cell.Plain)));
    }

    private void WriteTable(TextWriter output, bool colors, int width)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = headers.Any(header => header.Length > 0) };
        foreach (var header in headers)
            table.AddColumn(new TableColumn(header) { NoWrap = header != Elastic, Padding = new Padding(0, 0, 2, 0) });
        foreach (var row in _rows)
            table.AddRow(row.Select(Render));

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

    private static IRenderable Render(Cell cell) =>
        new Text(cell.Shown ?? cell.Plain, new Style(cell.Color)) { Overflow = Overflow.Ellipsis };
}

/// <summary>One value: as scripts read it, as people read it where that differs, and its colour.</summary>
internal readonly record struct Cell(string Plain, string? Shown = null, Color? Color = null)
{
    public static Cell Of(long number) => new(number.ToString(CultureInfo.InvariantCulture));
}

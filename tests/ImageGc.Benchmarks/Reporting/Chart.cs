using System.Globalization;
using System.Text;

namespace ImageGc.Benchmarks.Reporting;

/// <param name="Points">Numbers of images and microseconds.</param>
internal sealed record Series(
    string Name, string Color, int Width, bool Dashed, IReadOnlyList<(double Images, double Microseconds)> Points);

/// <summary>Draws latency against the number of images as SVG, both axes logarithmic.</summary>
internal sealed class Chart
{
    private const int Width = 860, Height = 460, Left = 70, Right = 220, Top = 50, Bottom = 50;

    private readonly StringBuilder _svg = new();
    private readonly (int From, int To) _images;
    private readonly (int From, int To) _times;

    private Chart(IReadOnlyList<Series> series)
    {
        _images = Decades(series.SelectMany(line => line.Points).Select(point => point.Images));
        _times = Decades(series.SelectMany(line => line.Points).Select(point => point.Microseconds));
    }

    public static string Draw(string title, IReadOnlyList<Series> series)
    {
        var chart = new Chart(series);
        chart.Add($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}"
                font-family="sans-serif" font-size="13">
            <rect width="{Width}" height="{Height}" fill="white"/>
            <text x="{Left}" y="26" font-size="16">{title}</text>
            """);
        chart.Axes();
        for (var i = 0; i < series.Count; i++)
            chart.Line(series[i], Top + 20 + (24 * i));
        chart.Add($"</svg>");
        return chart._svg.ToString();
    }

    private void Axes()
    {
        for (var decade = _images.From; decade <= _images.To; decade++)
        {
            var images = Math.Pow(10, decade);
            var x = X(images);
            Add($"""<path d="M{x:0.#} {Top}V{Height - Bottom}" stroke="#ddd"/>""");
            Add($"""<text x="{x:0.#}" y="{Height - Bottom + 18}" text-anchor="middle">{images:N0}</text>""");
        }

        for (var decade = _times.From; decade <= _times.To; decade++)
        {
            var y = Y(Math.Pow(10, decade));
            Add($"""<path d="M{Left} {y:0.#}H{Width - Right}" stroke="#ddd"/>""");
            Add($"""<text x="{Left - 8}" y="{y + 4:0.#}" text-anchor="end">{Tick(decade)}</text>""");
        }

        Add($"""<text x="{(Left + Width - Right) / 2}" y="{Height - 12}" text-anchor="middle">tracked images</text>""");
    }

    private void Line(Series series, int legendY)
    {
        var dash = series.Dashed ? " stroke-dasharray=\"6 4\"" : "";
        var stroke = $"stroke=\"{series.Color}\" stroke-width=\"{series.Width}\"{dash}";
        var points = series.Points.Select(point => string.Create(
            CultureInfo.InvariantCulture, $"{X(point.Images):0.#},{Y(point.Microseconds):0.#}"));
        Add($"""<polyline points="{string.Join(' ', points)}" fill="none" {stroke}/>""");
        foreach (var (images, microseconds) in series.Points)
            Add($"""<circle cx="{X(images):0.#}" cy="{Y(microseconds):0.#}" r="3" fill="{series.Color}"/>""");
        Add($"""<path d="M{Width - Right + 16} {legendY}h30" {stroke}/>""");
        Add($"""<text x="{Width - Right + 54}" y="{legendY + 4}">{series.Name}</text>""");
    }

    private double X(double images) =>
        Left + ((Math.Log10(images) - _images.From) / (_images.To - _images.From) * (Width - Left - Right));

    private double Y(double microseconds) =>
        Height - Bottom - ((
            Math.Log10(microseconds) - _times.From) / (_times.To - _times.From) * (Height - Top - Bottom));

    private static (int From, int To) Decades(IEnumerable<double> values)
    {
        var logarithms = values.Select(Math.Log10).ToList();
        return ((int)Math.Floor(logarithms.Min()), (int)Math.Ceiling(logarithms.Max()));
    }

    private static string Tick(int decade) => decade switch
    {
        < 3 => $"{Math.Pow(10, decade):0} µs",
        < 6 => $"{Math.Pow(10, decade - 3):0} ms",
        _ => $"{Math.Pow(10, decade - 6):0} s",
    };

    private void Add(FormattableString line) => _svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}

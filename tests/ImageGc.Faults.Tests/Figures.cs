namespace ImageGc.Faults.Tests;

/// <summary>Reports what a test tried, in its output and in `figures.txt`.</summary>
/// <remarks>`dotnet test` shows the output of a test that passed only with `--output Detailed`.</remarks>
internal static class Figures
{
    private static readonly Lock OneAtATime = new();
    private static readonly string Path = Create();

    public static void Add(string what, string figures)
    {
        var line = $"{what}: {figures}";
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        lock (OneAtATime)
            File.AppendAllLines(Path, [line]);
    }

    private static string Create()
    {
        var path = System.IO.Path.Combine(AppContext.BaseDirectory, "figures.txt");
        File.WriteAllText(path, "");
        return path;
    }
}

namespace ImageGc.Faults.Tests;

/// <summary>What was tried, for people to read.</summary>
internal static class Figures
{
    public static void Add(string what, string figures)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {figures}");
    }
}

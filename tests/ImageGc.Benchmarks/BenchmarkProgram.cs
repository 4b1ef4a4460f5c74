namespace ImageGc.Benchmarks;

internal static class BenchmarkProgram
{
    /// <remarks>A child is measured itself, so it must not load what only the parent needs.</remarks>
    private static Task<int> Main(string[] args) =>
        args is [Child.Switch, .. var rest] ? Task.FromResult(Child.Run(rest)) : BenchmarkCommand.RunAsync(args);
}

namespace ImageGc.Cli.Pruning;

/// <summary>
/// Finds a program as a shell does. Process.Start would search the directory of `imagegc` and the current directory
/// before PATH (dotnet/runtime, Process.Unix.cs, ResolvePath).
/// </summary>
internal static class ProgramPath
{
    public static string? Find(string program, string? searchPath)
    {
        if (program.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal))
            return IsExecutable(program) ? Path.GetFullPath(program) : null;
        return (searchPath ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.GetFullPath(Path.Combine(directory, program)))
            .FirstOrDefault(IsExecutable);
    }

    private static bool IsExecutable(string path)
    {
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & Execute) != 0);
    }
}

using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Output;
using ImageGc.Cli.Terminal;

namespace ImageGc.Cli.Pruning;

/// <summary>
/// The program that removes an image from the engine, and its arguments, in which {} stands for the image ID.
/// </summary>
internal sealed partial class RemovalCommand
{
    private const string Placeholder = "{}";

    private readonly string _program;
    private readonly IReadOnlyList<string> _arguments;

    private RemovalCommand(string program, IReadOnlyList<string> arguments)
    {
        _program = program;
        _arguments = arguments;
    }

    public static Option<RemovalCommand?> Option(ConsoleEnvironment environment) => new("--run")
    {
        Description = "Remove each expired image with this command, and forget it only if the exit code is 0. {} "
            + "stands for the image ID. The command runs without a shell; quotes keep words together. Its output goes "
            + "to standard error. It does not run for an ID that begins with another character than a letter or "
            + "digit, contains .., or contains other characters than letters, digits and . _ : / @ + -.",
        HelpName = "COMMAND",
        CustomParser = given => Parse(given, environment),
    };

    /// <summary>The program's full path and its arguments.</summary>
    /// <exception cref="CommandFailedException">The ID is not safe to pass to a command.</exception>
    public IReadOnlyList<string> CommandLineFor(string imageId)
    {
        // The program may interpret its arguments: ssh and `sh -c` parse them again, rm follows `..`, and a leading -
        // begins an option.
        if (!SafeId.IsMatch(imageId))
            throw new CommandFailedException(
                $"A command could misread the ID '{imageId}', so it was not run. Remove the image by other means, then "
                + $"run: imagegc forget -- {ShellQuoting.Quote(imageId)}");
        return [_program, .. _arguments.Select(word => word.Replace(Placeholder, imageId, StringComparison.Ordinal))];
    }

    /// <summary>A command that cannot be run becomes a usage error.</summary>
    private static RemovalCommand? Parse(ArgumentResult given, ConsoleEnvironment environment)
    {
        var commandLine = given.Tokens.Count > 0 ? given.Tokens[^1].Value : "";
        try
        {
            return Parse(commandLine, environment.GetVariable("PATH"));
        }
        catch (FormatException exception)
        {
            given.AddError($"The command '{commandLine}' {exception.Message}.");
            return null;
        }
    }

    private static RemovalCommand Parse(string commandLine, string? searchPath)
    {
        if (CommandLineSplitter.Split(commandLine) is not [var program, .. var arguments])
            throw new FormatException("is empty");
        if (program.Contains(Placeholder, StringComparison.Ordinal))
            throw new FormatException("has {} where the program belongs");
        if (!arguments.Exists(word => word.Contains(Placeholder, StringComparison.Ordinal)))
            throw new FormatException("has no {}: write {} where the image ID belongs");
        return ProgramPath.Find(program, searchPath) is { } path
            ? new RemovalCommand(path, arguments)
            : throw new FormatException($"cannot be run: the program '{program}' was not found");
    }

    [GeneratedRegex(@"^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._:/@+-]*\z", RegexOptions.ExplicitCapture)]
    private static partial Regex SafeId { get; }
}

using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ImageGc.Cli.Commands;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Terminal;
using ImageGc.Sqlite;

namespace ImageGc.Cli;

/// <summary>The command line of `imagegc`: its commands, and how their errors are reported.</summary>
internal static class Application
{
    public static int Run(string[] args, ConsoleEnvironment environment, InvocationConfiguration configuration)
    {
        configuration.Error = new StandardErrorWriter(configuration.Error);
        var root = Create(environment);
        // `help NAME` means `NAME --help`. An unknown NAME is parsed alone, so that the error suggests commands.
        if (args is ["help", .. var command])
            args = command is [[not '-', ..] name, ..] && root.Subcommands.All(known => known.Name != name)
                ? command
                : [.. command, "--help"];

        // By default a word that starts with @ names a file with more arguments. An image ID may start with @.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (FindMistypedOption(parsed) is { } mistyped)
        {
            configuration.Error.WriteLine($"imagegc: {Explain(mistyped, parsed.CommandResult)}");
            configuration.Error.WriteLine(CommandBase.HelpHint(parsed.CommandResult.Command));
            return ExitCode.Usage;
        }

        if (parsed.Action is ParseErrorAction usage)
            return WriteUsageError(parsed, usage, configuration.Error);

        configuration.EnableDefaultExceptionHandler = false; // It prints stack traces.
        try
        {
            return parsed.Invoke(configuration);
        }
        // An ArgumentException without a parameter name is the store's message to the user, such as an ID in use of
        // another form than the tracked ones. With a parameter name it is a bug, and its stack trace is needed.
        catch (Exception exception) when (exception
            is ImageUseStoreException or CommandFailedException or IOException or UnauthorizedAccessException
            or ArgumentException { ParamName: null })
        {
            configuration.Error.WriteLine($"imagegc: {exception.Message}");
            return ExitCode.Failed;
        }
    }

    private static RootCommand Create(ConsoleEnvironment environment)
    {
        var global = new GlobalOptions(environment);
        var root = new RootCommand("Remove unused container images, and show which images are tracked and why.")
        {
            global.Database,
            global.Settings,
            global.Json,
            new StatusCommand(global),
            new ListCommand(global),
            new ExplainCommand(global),
            new HistoryCommand(global),
            new KeepCommand(global),
            new UnkeepCommand(global),
            new AdoptCommand(global),
            new RunCommand(global),
            new RecordCommand(global),
            new ForgetCommand(global),
            new PruneCommand(global),
            new ImportCommand(global),
            new ExportCommand(global),
            new BackupCommand(global),
            new CheckCommand(global),
            new AcceptEngineCommand(global),
            new CompletionCommand(global),
        };
        root.Options.OfType<VersionOption>().Single().Aliases.Add("-V");
        HelpWithExamples.AddTo(root);
        return root;
    }

    /// <summary>Finds an unknown option that was parsed as a value: it would be tracked as an image ID.</summary>
    private static Token? FindMistypedOption(ParseResult parsed)
    {
        // After --, values may start with a dash.
        var beforeDashes = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).ToHashSet();
        return parsed.CommandResult.Children
            .Where(given => given is ArgumentResult or OptionResult { Option.AllowMultipleArgumentsPerToken: true })
            .SelectMany(given => given.Tokens)
            .FirstOrDefault(token => token.Value.StartsWith('-') && beforeDashes.Contains(token));
    }

    private static string Explain(Token mistyped, CommandResult given)
    {
        var command = given.Command;
        var isOption = command.Options.Any(option =>
            option.Name == mistyped.Value || option.Aliases.Contains(mistyped.Value));
        var waiting = given.Children.OfType<OptionResult>().FirstOrDefault(option => option.Tokens.Contains(mistyped));
        return isOption && waiting is not null
            ? $"{waiting.Option.Name} needs a value. '{mistyped.Value}' is another option."
            : $"Unknown option '{mistyped.Value}' of 'imagegc {command.Name}'. To pass a value that starts with '-', "
                + "put '--' before it.";
    }

    private static int WriteUsageError(ParseResult parsed, ParseErrorAction usage, TextWriter error)
    {
        // System.CommandLine only prints its errors. They are captured, to begin them with the program's name.
        usage.ShowHelp = false;
        using var explained = new StringWriter();
        parsed.Invoke(new InvocationConfiguration { Output = explained, Error = explained });
        const StringSplitOptions clean = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        var lines = explained.ToString().Split('\n', clean);
        // "Required argument missing for command: 'record'." does not say what the argument is.
        var missing = parsed.CommandResult.Command.Arguments.FirstOrDefault(argument =>
            argument.Arity.MinimumNumberOfValues > 0 && parsed.GetResult(argument) is not { Tokens.Count: > 0 });
        if (missing is not null && lines is [var line] && line.StartsWith("Required", StringComparison.Ordinal))
            lines = [$"{missing.HelpName ?? missing.Name} is missing. {missing.Description}"];
        error.WriteLine($"imagegc: {string.Join(error.NewLine, lines)}");
        error.WriteLine(CommandBase.HelpHint(parsed.CommandResult.Command));
        return ExitCode.Usage;
    }
}

using System.CommandLine;
using System.CommandLine.Parsing;
using ImageGc.Cli.Execution;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Which images are in use, and how long the others are kept: the input of every prune.</summary>
internal sealed class InUseOptions
{
    public const string EmptyListHint = "If no image is in use, use --nothing-in-use.";

    private static readonly TimeSpan DefaultThreshold = new ImageUseStoreOptions().ImageAgeCleanupThreshold;

    private readonly Option<string[]> _ids = new("--in-use")
    {
        Description = "The full IDs of the images in use.",
        HelpName = "ID",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _file = new("--in-use-file")
    {
        Description = "A file with the full ID of an image in use on each line, or - for standard input. Blank lines "
            + "and lines that start with # are skipped.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _nothing = new("--nothing-in-use")
    {
        Description = "Declare that no image is in use, because there are no containers.",
    };

    private readonly Option<TimeSpan?> _olderThan = new("--older-than")
    {
        Description = "How long an image must have been unused: 30s, 90m, 12h, 7d, 3w or 0. "
            + $"[default: {DurationText.Format(DefaultThreshold)}]",
        HelpName = "DURATION",
        CustomParser = DurationParser.Parse,
    };

    /// <param name="command">The command.</param>
    /// <param name="global">The options of all commands.</param>
    /// <param name="isRequired">Whether the command needs a list. If not, it can ask the engine.</param>
    public void AddTo(Command command, GlobalOptions global, bool isRequired = true)
    {
        ImageIdArgument.AddCompletions(_ids.CompletionSources, ImageIdCompletions.Tracked, global);
        _ids.Validators.Add(ImageIdArgument.Validate);
        _file.Validators.Add(FilePath.RejectEmpty);
        command.Options.Add(_ids);
        command.Options.Add(_file);
        command.Options.Add(_nothing);
        command.Options.Add(_olderThan);
        command.Validators.Add(given => CheckList(given, isRequired));
    }

    public TimeSpan ThresholdOf(CommandContext context) => GivenThreshold(context) ?? DefaultThreshold;

    public TimeSpan? GivenThreshold(CommandContext context) => context.Get(_olderThan);

    /// <summary>Whether the user lists the images in use, so that the engine is not asked.</summary>
    public bool IsGiven(CommandContext context) =>
        context.Get(_ids) is { Length: > 0 } || context.Get(_file) is not null || context.Get(_nothing);

    /// <summary>The IDs of both lists together.</summary>
    public IReadOnlyCollection<string> Read(CommandContext context)
    {
        var inUse = new HashSet<string>(context.Get(_ids) ?? [], StringComparer.Ordinal);
        if (context.Get(_file) is { } file)
        {
            inUse.UnionWith(file == "-"
                ? InUseFile.ReadStandardInput(context.Environment.OpenStandardInput())
                : InUseFile.Read(file));
        }

        return inUse;
    }

    /// <summary>Requires a list: one that was forgotten must never mean that no image is in use.</summary>
    private void CheckList(CommandResult given, bool isRequired)
    {
        var ids = given.GetResult(_ids);
        if (ids is { Tokens.Count: 0 })
            given.AddError($"--in-use names no image. {EmptyListHint}");
        else if (given.GetValue(_nothing) && (ids is not null || given.GetResult(_file) is not null))
            given.AddError(
                "--nothing-in-use and a list of images in use cannot be combined. Leave out one of them.");
        else if (isRequired && ids is null && given.GetResult(_file) is null && !given.GetValue(_nothing))
            given.AddError("The list of images in use is missing. Give --in-use ID... or --in-use-file FILE. "
                + $"{EmptyListHint} To ask the engine instead, run 'imagegc run --once'.");
    }
}

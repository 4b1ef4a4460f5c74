using System.CommandLine;
using System.CommandLine.Parsing;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Which images are in use, and how long the others are kept: the input of every prune.</summary>
internal sealed class InUseOptions
{
    public const string EmptyList =
        "If really none is in use, say so: --in-use-file /dev/null.";

    private static readonly TimeSpan DefaultThreshold = new ImageUseStoreOptions().ImageAgeCleanupThreshold;

    private readonly Option<string[]> _ids = new("--in-use")
    {
        Description = "IDs of the images in use, in full.",
        HelpName = "ID",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _file = new("--in-use-file")
    {
        Description = "A file with an ID of an image in use on each line; - reads standard input. "
            + "Blank lines and lines that start with # are skipped.",
        HelpName = "FILE",
    };

    private readonly Option<TimeSpan?> _olderThan = new("--older-than")
    {
        Description = "How long an image must have been unused: 30s, 90m, 12h, 7d, 3w or 0. "
            + $"[default: {DefaultThreshold.TotalDays}d]",
        HelpName = "DURATION",
        CustomParser = Duration.Parse,
    };

    public void AddTo(Command command, GlobalOptions global)
    {
        ImageIds.Complete(_ids.CompletionSources, KnownIds.Tracked, global);
        _ids.Validators.Add(ImageIds.RequireValid);
        _file.Validators.Add(FilePath.Require);
        command.Options.Add(_ids);
        command.Options.Add(_file);
        command.Options.Add(_olderThan);
        command.Validators.Add(RequireList);
    }

    public TimeSpan ThresholdOf(Invocation invocation) => invocation.Get(_olderThan) ?? DefaultThreshold;

    /// <summary>How many IDs were given, and how many of them are of no tracked image.</summary>
    public static string Summary(IReadOnlyCollection<string> inUse, IEnumerable<ImageVerdict> verdicts)
    {
        var known = verdicts.Count(verdict => verdict.Verdict == Verdict.InUse);
        return $"IDs given as in use: {inUse.Count}, never recorded: {inUse.Count - known}.";
    }

    /// <summary>The IDs of both options together.</summary>
    public IReadOnlyCollection<string> Read(Invocation invocation)
    {
        var inUse = new HashSet<string>(invocation.Get(_ids) ?? [], StringComparer.Ordinal);
        if (invocation.Get(_file) is { } file)
        {
            inUse.UnionWith(file == "-"
                ? InUseFile.ReadStandardInput(invocation.Shell.StandardInput())
                : InUseFile.Read(file));
        }

        return inUse;
    }

    /// <summary>A forgotten list must never mean that nothing is in use.</summary>
    private void RequireList(CommandResult given)
    {
        var ids = given.GetResult(_ids);
        if (ids is { Tokens.Count: 0 })
            given.AddError($"--in-use names no image. {EmptyList}");
        else if (ids is null && given.GetResult(_file) is null)
            given.AddError($"Which images are in use? Give --in-use ID... or --in-use-file FILE. {EmptyList}");
    }
}

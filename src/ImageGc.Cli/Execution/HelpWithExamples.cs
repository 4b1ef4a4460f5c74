using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using ImageGc.Cli.Input;

namespace ImageGc.Cli.Execution;

/// <summary>The `--help` of System.CommandLine, with examples.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    private const string RootLines = $"""
        Environment:
          {GlobalOptions.DatabaseVariable}   The database file, if --db is not given.
          DOCKER_HOST  The engine, if neither --engine nor EngineAddress is given.
          NO_COLOR     If set, tables have no colours.

        Output:
          On a terminal, a table. In a pipe, tab-separated lines without a header, with
          - for unknown values. With --json, one JSON document.

        Exit codes:
          0 success, 1 failure, 2 wrong usage, 130 interrupted. A daemon that is stopped
          exits with 0.
        """;

    /// <summary>The commands that operators need most, shown before the full list.</summary>
    private const string RootExamples = """
        Examples:
          imagegc status                    # is everything all right?
          imagegc list                      # what is tracked?
          imagegc explain                   # what is removed next, when and why?
          imagegc explain --older-than 3d   # the same with another threshold
          imagegc history registry/app:1.4  # when and why was it removed?
          imagegc keep registry/app:1.4     # never remove it
          imagegc run --once                # clean up now
          imagegc run --older-than 7d       # run the daemon


        """;

    /// <summary>On a narrower terminal HelpAction fails, or never returns.</summary>
    private const int NarrowestLine = 40;

    public static void AddTo(RootCommand root)
    {
        var option = new HelpOption("--help", "-h"); // The default also has aliases of Windows: -?, /? and /h.
        var usual = (HelpAction)option.Action!;
        usual.MaxWidth = Math.Max(usual.MaxWidth, NarrowestLine);
        var help = new HelpWithExamples(usual);
        option.Action = help;
        root.Options.Remove(root.Options.OfType<HelpOption>().Single());
        root.Options.Add(option);
        root.SetAction(parsed =>
        {
            help.Invoke(parsed);
            return ExitCode.Usage; // `imagegc $COMMAND` must not succeed if the variable is empty.
        });
    }

    public override int Invoke(ParseResult parsed)
    {
        // HelpAction writes to the configured output, which is replaced to get its text.
        var output = parsed.InvocationConfiguration.Output;
        using var usual = new StringWriter();
        parsed.InvocationConfiguration.Output = usual;
        help.Invoke(parsed);
        parsed.InvocationConfiguration.Output = output;
        var text = usual.ToString();
        if (parsed.CommandResult.Command is CommandBase { Examples: var examples })
        {
            output.Write(text);
            output.WriteLine("Examples:");
            foreach (var example in examples)
                output.WriteLine(example.Length > 0 ? "  " + example : "");
        }
        else
        {
            output.Write(text.Replace("Usage:", $"{RootExamples}Usage:", StringComparison.Ordinal));
            output.WriteLine(RootLines);
        }

        return ExitCode.Done;
    }
}

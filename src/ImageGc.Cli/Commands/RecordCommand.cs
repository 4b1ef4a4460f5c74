using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class RecordCommand : CommandBase
{
    private readonly Argument<string[]> _ids;

    public RecordCommand(GlobalOptions global)
        : base(
            global, "record", "Record that images are used now; track them if they are new. Prints their IDs.",
            "imagegc record $(docker images --no-trunc --quiet alpine)")
    {
        _ids = ImageIdArgument.Create("The images that are used now.", global);
        Arguments.Add(_ids);
    }

    protected override int Run(CommandContext context)
    {
        var ids = context.Get(_ids);
        using (var store = context.OpenOrCreate())
            store.RecordUse(ids);

        if (context.Json)
            context.WriteJson(new JsonRecorded(ids), JsonOutput.Default.JsonRecorded);
        else
            context.WriteLine(string.Join(Environment.NewLine, ids));
        return ExitCode.Done;
    }
}

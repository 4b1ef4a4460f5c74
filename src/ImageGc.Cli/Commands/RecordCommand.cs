using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class RecordCommand : ToolCommand
{
    private readonly Argument<string[]> _ids;

    public RecordCommand(GlobalOptions global)
        : base(
            global, "record", "Record that images are used now; track them if they are new. Prints their IDs.",
            "imagegc record $(docker images --no-trunc --quiet alpine)")
    {
        _ids = ImageIds.Argument("The images that are used now.", global);
        Arguments.Add(_ids);
    }

    protected override int Run(Invocation invocation)
    {
        var ids = invocation.Get(_ids);
        using (var store = invocation.OpenOrCreate())
            store.RecordUse(ids);

        if (invocation.Json)
            invocation.WriteJson(new JsonRecorded(ids), JsonOutput.Default.JsonRecorded);
        else
            invocation.WriteLine(string.Join(Environment.NewLine, ids));
        return ExitCode.Done;
    }
}

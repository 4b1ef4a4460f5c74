using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;

namespace ImageGc.Cli.Commands;

internal sealed class ForgetCommand : CommandBase
{
    private readonly Argument<string[]> _ids;

    public ForgetCommand(GlobalOptions global)
        : base(
            global, "forget", "Stop tracking images that were removed by other means. Prints the IDs it forgot.",
            "imagegc forget sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")
    {
        _ids = ImageIdArgument.Create("The images to forget, in full as they were recorded.", global);
        Arguments.Add(_ids);
    }

    protected override int Run(CommandContext context)
    {
        using var store = context.OpenExisting();
        var outcome = context.Get(_ids).Distinct(StringComparer.Ordinal).ToLookup(store.Forget);
        if (context.Json)
            context.WriteJson(new JsonForgotten(outcome[true], outcome[false]), JsonOutput.Default.JsonForgotten);
        else
            foreach (var id in outcome[true])
                context.WriteLine(id);

        foreach (var id in outcome[false])
            context.WriteError($"'{id}' is not tracked. Give the ID in full, as 'imagegc list --no-trunc' shows it.");
        return outcome[false].Any() ? ExitCode.Failed : ExitCode.Done;
    }
}

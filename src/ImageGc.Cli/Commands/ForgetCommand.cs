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
            global, "forget", "Stop tracking images that were removed by other means. Prints their IDs.",
            "imagegc forget 4bcff63911fc",
            "imagegc forget registry/app:1.4")
    {
        _ids = ImageIdArgument.Create("The images to forget, by name or ID.", global);
        Arguments.Add(_ids);
    }

    protected override int Run(CommandContext context)
    {
        using var store = context.OpenExisting();
        var known = new KnownImages(store.List());
        List<string> forgotten = [], notTracked = [], errors = [];
        foreach (var written in context.Get(_ids).Distinct(StringComparer.Ordinal))
        {
            try
            {
                var imageId = known.One(written).ImageId;
                if (store.Forget(imageId)) // False if an earlier argument named this image.
                    forgotten.Add(imageId);
            }
            catch (CommandFailedException unknown)
            {
                // The other images are forgotten all the same.
                notTracked.Add(written);
                errors.Add(unknown.Message);
            }
        }

        if (context.Json)
            context.WriteJson(new JsonForgotten(forgotten, notTracked), JsonOutput.Default.JsonForgotten);
        else
            forgotten.ForEach(context.WriteLine);
        errors.ForEach(context.WriteError);
        return errors.Count > 0 ? ExitCode.Failed : ExitCode.Done;
    }
}

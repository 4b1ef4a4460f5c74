using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class AdoptCommand : EngineCommand
{
    private readonly Argument<string[]> _images = new("IMAGE")
    {
        Description = "The images to track, by name or ID.",
        HelpName = "IMAGE",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _all = new("--all")
    {
        Description = "Track all images that 'imagegc list --untracked' shows.",
    };

    public AdoptCommand(GlobalOptions global)
        : base(
            global, "adopt",
            "Start to track untracked images, such as those that were on the device before imagegc, so that they can "
            + "be removed. They count as used now. Prints their IDs.",
            "imagegc adopt registry/app:1.3",
            "imagegc adopt --all")
    {
        _images.Validators.Add(ImageIdArgument.Validate);
        Arguments.Add(_images);
        Options.Add(_all);
        Daemon.AddEngineTo(this);
        Validators.Add(given =>
        {
            var isNamed = given.GetResult(_images) is { Tokens.Count: > 0 };
            if (!isNamed && !given.GetValue(_all))
                given.AddError("No image is named. Name one or more, or use --all.");
            else if (isNamed && given.GetValue(_all))
                given.AddError("--all and image names cannot be combined. Leave out one of them.");
        });
    }

    protected override int Run(CommandContext context) =>
        AskEngine(context, Daemon.ReadOfDaemon(context), async (services, cancel) =>
        {
            var images = context.Get(_all)
                ? (await services.GetRequiredService<IImageGarbageCollector>().ListUntrackedAsync(cancel))
                    .Select(untracked => untracked.Image).ToList()
                : await services.GetRequiredService<IContainerEngine>().FindAsync(context.Get(_images), cancel);
            // Opened only now, so that no database is created if the engine does not have an image.
            var store = services.GetRequiredService<ImageUseStore>();
            // For an image that is tracked already, a use would reset its age.
            List<EngineImage> adopted = [.. images.Where(image => store.Find(image.ImageId) is null)];
            store.Track(adopted);

            var imageIds = adopted.Select(image => image.ImageId).Distinct().ToList();
            if (context.Json)
                context.WriteJson(new JsonRecorded(imageIds), JsonOutput.Default.JsonRecorded);
            else
                imageIds.ForEach(context.WriteLine);
            context.WriteInfo($"Adopted {Quantity.Images(imageIds.Count)}; the age counts from now. "
                + $"{Quantity.Images(store.Count())} tracked in {store.DatabasePath}.");
            return ExitCode.Done;
        });
}

using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace ImageGc.Cli.Commands;

internal sealed class RecordCommand : EngineCommand
{
    private readonly Argument<string[]> _images;

    private readonly Option<bool> _asIs = new("--as-is")
    {
        Description = "Record the IDs as they are written, for runtimes whose IDs have another form than Docker's. "
            + "Does not ask the engine.",
    };

    public RecordCommand(GlobalOptions global)
        : base(
            global, "record",
            "Record that images are used now, and start to track new ones. Looks up names and short IDs in the engine. "
            + "Prints the IDs.",
            "imagegc record registry/app:1.4",
            "imagegc record $(docker images --no-trunc --quiet alpine)")
    {
        _images = ImageIdArgument.Create("The images that are used now, by name or ID.", global);
        Arguments.Add(_images);
        Options.Add(_asIs);
        Daemon.AddEngineTo(this);
    }

    protected override int Run(CommandContext context)
    {
        var written = context.Get(_images);
        if (!context.Get(_asIs) && !written.All(ImageId.IsDigest))
            return RecordFound(context, written);
        using (var store = context.OpenOrCreate())
            store.RecordUse(written);
        Write(written, context);
        return ExitCode.Done;
    }

    private int RecordFound(CommandContext context, string[] written) =>
        AskEngine(context, Daemon.ReadOfDaemon(context), async (services, cancel) =>
        {
            List<EngineImage> images;
            try
            {
                images = await services.GetRequiredService<IContainerEngine>().FindAsync(written, cancel);
            }
            catch (EngineUnavailableException away)
            {
                throw new CommandFailedException($"{away.Message} Nothing was recorded. Without an engine, give full "
                    + "IDs (sha256: and 64 digits), or use --as-is for IDs of another form.");
            }

            services.GetRequiredService<ImageUseStore>().Track(images);
            Write(images.Select(image => image.ImageId), context);
            return ExitCode.Done;
        });

    private static void Write(IEnumerable<string> imageIds, CommandContext context)
    {
        if (context.Json)
            context.WriteJson(new JsonRecorded(imageIds), JsonOutput.Default.JsonRecorded);
        else
            context.WriteLine(string.Join(Environment.NewLine, imageIds));
    }
}

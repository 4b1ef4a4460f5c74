using System.CommandLine;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Cli.Pruning;
using ImageGc.Cli.Terminal;

namespace ImageGc.Cli.Commands;

internal sealed class PruneCommand : CommandBase
{
    private readonly InUseOptions _inUse = new();
    private readonly Option<bool> _fullIds = ImageTable.FullIdsOption();

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Show what would be forgotten and which commands --run would run. Changes nothing.",
    };

    private readonly Option<string> _import = new("--import")
    {
        Description = "First import this flat file of Azure IoT Edge. Does not change the file.",
        HelpName = "FILE",
    };

    private readonly Option<RemovalCommand?> _run;

    public PruneCommand(GlobalOptions global)
        : base(
            global, "prune",
            "Forget (stop tracking) the expired images: those not in use and unused for the threshold. With --run, "
            + "remove each image first, and forget it only if that succeeds. Without --run, print the images, so that "
            + "you can remove them. Images that 'imagegc keep' lists are kept. Other settings of the daemon are not "
            + "used.",
            "imagegc prune --in-use-file in_use.txt --run 'docker rmi {}' --dry-run",
            "docker ps --all --quiet | xargs docker inspect --format '{{.Image}}' |",
            "    imagegc prune --in-use-file - --older-than 12h --run 'docker rmi {}'",
            "",
            "# With Docker or Podman, 'imagegc run --once' is simpler: it asks the engine.",
            "",
            "# 'docker rmi' fails if an image is gone already. The script ./rmi succeeds:",
            "#!/bin/sh",
            "docker rmi \"$1\" || docker image inspect \"$1\" 2>&1 | grep -qi 'no such image'",
            "",
            "imagegc prune --in-use-file in_use.txt --run './rmi {}'",
            "",
            "# Forget first, then remove. An image that cannot be removed stays forgotten.",
            "imagegc prune --in-use-file in_use.txt | awk '/^expired/ { print $2 }' |",
            "    xargs docker rmi")
    {
        _run = RemovalCommand.Option(global.Environment);
        _inUse.AddTo(this, global);
        Options.Add(_run);
        Options.Add(_dryRun);
        _import.Validators.Add(FilePath.RejectEmpty);
        Options.Add(_import);
        Options.Add(_fullIds);
        Validators.Add(given =>
        {
            if (given.GetValue(_dryRun) && given.GetResult(_import) is not null)
                given.AddError("--dry-run and --import cannot be combined. Run 'imagegc import FILE' first.");
        });
    }

    protected override int Run(CommandContext context)
    {
        context.ClockSettleTime = TimeSpan.Zero;
        var ids = _inUse.Read(context);
        var flatFile = context.Get(_import);
        using var store = flatFile is not null ? ImportCommand.OpenFor(flatFile, context)
            : context.Get(_dryRun) ? context.OpenReadOnly()
            : context.OpenExisting();
        var import = flatFile is null ? null : ImportCommand.Import(store, flatFile, context);

        var pruner = new Pruner(store, ids, _inUse.ThresholdOf(context));
        var writer = new PruneResultWriter(context, ids, import, context.Get(_fullIds));
        var command = context.Get(_run);
        if (context.Get(_dryRun))
            writer.WriteDryRun(pruner.Preview(command), removed: command is not null);
        else if (command is not null)
            return Remove(pruner, command, writer, context);
        else
            writer.WriteForgotten(pruner.Forget());
        return ExitCode.Done;
    }

    private static int Remove(Pruner pruner, RemovalCommand command, PruneResultWriter writer, CommandContext context)
    {
        using var termination = new TerminationSignal(() =>
            context.WriteError("Stopping once the running command has ended. A second signal stops at once."));
        var exitCode = ExitCode.Done;
        pruner.RemoveWith(command, context, summary =>
        {
            exitCode = summary.Interrupted ? ExitCode.Interrupted
                : summary.Count(Verdict.Failed) + summary.NotRecorded > 0 ? ExitCode.Failed
                : ExitCode.Done;
            writer.WriteRemoved(summary);
        }, termination.Token);
        return exitCode;
    }
}

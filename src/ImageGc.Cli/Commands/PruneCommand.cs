using System.CommandLine;
using ImageGc.Cli.Input;
using ImageGc.Cli.Output;
using ImageGc.Cli.Pruning;

namespace ImageGc.Cli.Commands;

internal sealed class PruneCommand : ToolCommand
{
    private readonly InUseOptions _inUse = new();
    private readonly Option<bool> _fullIds = ImageListing.FullIds();

    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Only show what would be forgotten and what --run would run; change nothing.",
    };

    private readonly Option<string> _import = new("--import")
    {
        Description = "First import this flat file of Azure IoT Edge, and leave it alone.",
        HelpName = "FILE",
    };

    private readonly Option<RemovalCommand?> _run;

    public PruneCommand(GlobalOptions global)
        : base(
            global, "prune",
            "Forget the images that expired: not in use, and unused for longer than a threshold. With --run, have each "
            + "removed first and forget it only once it is gone. Without, print them for you to remove.",
            "imagegc prune --in-use-file in_use.txt --run 'docker rmi {}' --dry-run",
            "docker ps --all --quiet | xargs docker inspect --format '{{.Image}}' |",
            "    imagegc prune --in-use-file - --older-than 12h --run 'docker rmi {}'",
            "",
            "# Simpler: 'imagegc run --once' asks Docker itself and knows what follows.",
            "",
            "# 'docker rmi' fails again and again for an image that is gone. Not so ./rmi:",
            "#!/bin/sh",
            "docker rmi \"$1\" || docker image inspect \"$1\" 2>&1 | grep -qi 'no such image'",
            "",
            "imagegc prune --in-use-file in_use.txt --run './rmi {}'",
            "",
            "# Forget first, remove then: what cannot be removed is never offered again.",
            "imagegc prune --in-use-file in_use.txt | awk '/^expired/ { print $2 }' |",
            "    xargs docker rmi")
    {
        _run = RemovalCommand.Option(global.Shell);
        _inUse.AddTo(this, global);
        Options.Add(_run);
        Options.Add(_dryRun);
        _import.Validators.Add(FilePath.Require);
        Options.Add(_import);
        Options.Add(_fullIds);
        Validators.Add(given =>
        {
            if (given.GetValue(_dryRun) && given.GetResult(_import) is not null)
                given.AddError("--dry-run changes nothing, so it cannot --import. Run 'imagegc import FILE' first.");
        });
    }

    protected override int Run(Invocation invocation)
    {
        var ids = _inUse.Read(invocation);
        var flatFile = invocation.Get(_import);
        using var store = flatFile is not null ? ImportCommand.OpenFor(flatFile, invocation)
            : invocation.Get(_dryRun) ? invocation.OpenReadOnly()
            : invocation.OpenExisting();
        var import = flatFile is null ? null : ImportCommand.Import(store, flatFile, invocation);

        UnmatchedIds.Refuse(ids, store.List());
        var prune = new PruneWork(store, ids, _inUse.ThresholdOf(invocation));
        var report = new PruneReport(invocation, ids, import, invocation.Get(_fullIds));
        var command = invocation.Get(_run);
        if (invocation.Get(_dryRun))
            report.DryRun(prune.Foresee(command), removed: command is not null);
        else if (command is not null)
            return Remove(prune, command, report, invocation);
        else
            prune.Forget(report.Forgotten);
        return ExitCode.Done;
    }

    private static int Remove(PruneWork prune, RemovalCommand command, PruneReport report, Invocation invocation)
    {
        using var interruption = new Interruption(() =>
            invocation.Complain("Stopping after the running command; a second signal stops at once."));
        var allRemoved = prune.Remove(command, report.Removed, invocation, interruption.Token);
        if (interruption.Token.IsCancellationRequested)
            return ExitCode.Interrupted;
        return allRemoved ? ExitCode.Done : ExitCode.Failed;
    }
}

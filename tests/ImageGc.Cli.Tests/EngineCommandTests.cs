namespace ImageGc.Cli.Tests;

/// <summary>Commands that ask the engine, and that use the settings of the daemon.</summary>
public sealed class EngineCommandTests : EngineTest
{
    [Fact]
    public async Task Explain_asks_the_engine_and_uses_the_settings_of_the_running_daemon()
    {
        var old = AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        var used = AddTracked(TimeSpan.FromDays(9), 20_000_000, "registry/app:2");
        var kept = AddTracked(TimeSpan.FromDays(9), 5_000_000, "registry/agent:1");
        Docker.AddContainer("registry/app:2");
        using var daemon = await StartDaemonAsync(
            ("KeepImages", "registry/agent"), ("ImageAgeCleanupThreshold", "10d"));

        var asTheDaemon = Run("explain");
        var whatIf = Run("explain", "--older-than", "3d");

        Assert.Equal(
            [("kept", kept), ("used-recently", old), ("in-use", used)],
            asTheDaemon.Lines.Select(line => (line.Split('\t')[0], line.Split('\t')[1])));
        Assert.Equal("""
            0 of 3 tracked images can be removed now.
            According to the running daemon: images unused for 10d are removed.

            """, asTheDaemon.Error);
        Assert.StartsWith($"expired\t{old}", whatIf.Output, StringComparison.Ordinal);
        Assert.Equal("""
            1 of 3 tracked images can be removed now, which would free up to 310 MB.
            According to the running daemon, changed by the command line: images unused for 3d are removed.

            """, whatIf.Error);
        Assert.Equal(asTheDaemon.Output, Run("run", "--dry-run").Output);
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public async Task Without_a_running_daemon_the_settings_file_counts_and_without_that_the_last_run()
    {
        AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        using (var daemon = await StartDaemonAsync(("ImageAgeCleanupThreshold", "10d")))
            await daemon.StopAsync(Cancel);

        Assert.Contains("According to the last run: images unused for 10d are removed.",
            Run("explain").Error, StringComparison.Ordinal);
        WriteSettings("4d");
        Assert.Contains($"According to '{SettingsFile}': images unused for 4d are removed.",
            Run("explain").Error, StringComparison.Ordinal);
        Assert.Contains($"According to '{SettingsFile}': images unused for 4d are removed.",
            RunAnywhere("run", "--dry-run").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_once_ignores_the_flags_of_the_last_run_and_is_silent_if_there_is_nothing_to_do()
    {
        var app = AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        var kept = Ask("run", "--once", "--keep", "registry/app");
        Assert.Equal((ExitCode.Done, "", ""), (kept.ExitCode, kept.Output, kept.Error));

        Assert.StartsWith($"expired\t{app}", Ask("run", "--once", "--dry-run").Output, StringComparison.Ordinal);
        Assert.StartsWith($"removed\t{app}", Ask("run", "--once").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_engine_address_of_a_failed_run_is_not_used_again()
    {
        AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        Assert.Equal(ExitCode.Failed, Run("run", "--once", "--engine", "unix:///nowhere.sock").ExitCode);

        Assert.DoesNotContain("nowhere", Run("explain").Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, Ask("run", "--once").ExitCode);
        Assert.Equal(ExitCode.Done, Run("explain").ExitCode);
    }

    [Fact]
    public void The_settings_file_names_the_database_unless_an_option_does()
    {
        AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        WriteSettings("4d");

        TerminalWidth = 80;
        Assert.Equal($"1 image with 310 MB tracked in {DatabasePath}.\n", RunAnywhere("list").Error);
        TerminalWidth = null;
        Assert.Contains($"'{PathOf("other.db")}'",
            RunAnywhere("list", "--db", PathOf("other.db")).Error, StringComparison.Ordinal);
        File.WriteAllText(SettingsFile, "{");
        Assert.Equal(ExitCode.Failed, RunAnywhere("list").ExitCode);
        Assert.Contains(SettingsFile, RunAnywhere("list").Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, Run("list").ExitCode);
    }

    [Fact]
    public void Untracked_images_are_listed_with_the_reason_and_adopted_as_used_now()
    {
        var tracked = AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        var (debug, tool) = (Docker.AddImage("debug:latest"), Docker.AddImage("team/tool:2"));

        var untracked = Ask("list", "--untracked");
        Assert.Equal(
            [
                $"{debug}\t1000\tdebug:latest,debug@{debug}\tno container has used it so far",
                $"{tool}\t1000\tteam/tool:2,team/tool@{tool}\tno container has used it so far",
            ],
            untracked.Lines);
        Assert.StartsWith("Not tracked, so never removed: 2 images. To track one, run 'imagegc adopt NAME'.",
            untracked.Error, StringComparison.Ordinal);

        Assert.Equal([debug], Ask("adopt", "debug:latest", "registry/app:1").Lines);
        Assert.Equal([tool], Ask("adopt", "--all").Lines);
        Assert.Equal("", Ask("list", "--untracked").Output);
        using var store = Open();
        Assert.Equal(
            [(tracked, Time.Now.AddDays(-8)), (debug, Time.Now), (tool, Time.Now)],
            store.List().Select(image => (image.ImageId, image.LastUsedAt)));
        Assert.Equal(["team/tool:2", $"team/tool@{tool}"], store.Find(tool)!.Value.Names);
    }

    [Fact]
    public void An_unknown_name_changes_nothing_and_the_error_suggests_the_nearest_name()
    {
        Docker.AddImage("registry/app:1");

        foreach (var command in (string[])["adopt", "record"])
        {
            var result = Ask(command, "registry/app:1", "ap:1");

            Assert.Equal(ExitCode.Failed, result.ExitCode);
            Assert.Equal(
                $"imagegc: The engine at {Docker.Address} has no image 'ap:1'. Nothing was changed. Did you mean "
                + "'registry/app:1'?\n", result.Error);
            Assert.Empty(TrackedIds());
        }
    }

    [Fact]
    public void Record_looks_up_names_and_without_an_engine_takes_whole_IDs_only()
    {
        var app = Docker.AddImage("registry/app:1");

        Assert.Equal([app, app], Ask("record", "registry/app:1", app).Lines);
        Assert.Equal("registry/app:1", Run("list").Lines[0].Split('\t')[3].Split(',')[0]);
        Docker.Dispose();
        Assert.Equal([Id(7)], Ask("record", Id(7)).Lines);
        var away = Ask("record", "registry/app");
        Assert.Equal(ExitCode.Failed, away.ExitCode);
        Assert.EndsWith(
            "Nothing was recorded. Without an engine, give full IDs (sha256: and 64 digits), or use --as-is for IDs of "
            + "another form.\n", away.Error, StringComparison.Ordinal);
        Assert.Equal(["registry/app"], Ask("record", "--as-is", "registry/app").Lines);
        Assert.Equal(new[] { app, Id(7), "registry/app" }.Order(StringComparer.Ordinal), TrackedIds());
    }

    [Fact]
    public async Task Keep_works_beside_a_running_daemon_and_protects_an_image_until_unkeep()
    {
        var app = AddTracked(TimeSpan.FromDays(8), 1, "registry/app:1");
        AddTracked(TimeSpan.FromDays(8), 2, "tool:1");
        using (var daemon = await StartDaemonAsync())
        {
            Assert.Equal(["registry/app"], Run("keep", "registry/app").Lines);
            await daemon.StopAsync(Cancel);
        }

        Assert.Equal("", Run("keep", "registry/app").Error);
        Assert.Equal(["registry/app"], Run("keep").Lines);
        Assert.Equal(
            "No tracked image matches 'tol' now. Did you mean 'tool:1'? To list the tracked images, run "
            + "'imagegc list'. To undo this, run 'imagegc unkeep tol'.\n",
            Run("keep", "tol").Error);
        Assert.Equal(["tol"], Run("unkeep", "tol").Lines);
        Assert.Equal(ExitCode.Done, Ask("run", "--once").ExitCode);
        Assert.Equal([app], Docker.ImageIds);

        Assert.Equal(["registry/app"], Run("unkeep", "registry/app").Lines);
        Assert.Equal(
            "No image is kept by hand. To see what the settings of the daemon keep, run 'imagegc explain'.\n",
            Run("keep").Error);
        Assert.Equal($"removed\t{app}", string.Join('\t', Ask("run", "--once").Lines[0].Split('\t')[..2]));
    }

    private void WriteSettings(string threshold) => File.WriteAllText(SettingsFile, $$"""
        {
          "ImageGarbageCollection": {
            // As the package installs it.
            "DatabasePath": "{{DatabasePath}}",
            "EngineAddress": "{{Docker.Address}}",
            "ImageAgeCleanupThreshold": "{{threshold}}"
          }
        }
        """);
}

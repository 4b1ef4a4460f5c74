using System.Diagnostics;
using System.Text.Json;

namespace ImageGc.Cli.Tests;

public sealed class CheckCommandTests : CliTest
{
    [Fact]
    public void It_fails_if_the_database_is_damaged_and_changes_nothing()
    {
        Record(TimeSpan.Zero, [.. Enumerable.Range(0, 500).Select(Id)]);
        Assert.Contains("damage\tnone", Run("check").Lines);
        using (var file = File.OpenWrite(DatabasePath))
        {
            file.Position = file.Length - 4096 + 100;
            file.Write(new byte[3000]);
        }

        var result = Run("check");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains("the file is damaged", result.Error, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.Equal("", result.Output);
        var forScripts = Run("check", "--json");
        Assert.Equal((ExitCode.Failed, result.Error), (forScripts.ExitCode, forScripts.Error));
        Assert.Equal(DatabasePath, Json("databasePath").GetString());
        Assert.Contains("the file is damaged", Json("damage")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, Json("schemaVersion").ValueKind);
        Assert.Equal([DatabasePath], Directory.GetFiles(PathOf("")));

        var salvaging = Run("record", "--as-is", "a");

        Assert.Contains($"kept it as {DatabasePath}.corrupt-20260301T120000Z",
            salvaging.Error, StringComparison.Ordinal);
        var next = Run("check");
        Assert.Equal(ExitCode.Done, next.ExitCode);
        Assert.Contains($"kept-damaged\t{DatabasePath}.corrupt-20260301T120000Z", next.Lines);
        Assert.Equal($"{DatabasePath}.corrupt-20260301T120000Z", Json("keptDamaged")[0].GetString());
    }

    [Fact]
    public void It_counts_the_times_that_only_a_wrong_clock_can_have_written()
    {
        Record(TimeSpan.FromDays(20_000), "in-1971");
        Record(TimeSpan.FromDays(-1), "tomorrow");
        Record(TimeSpan.Zero, "now");

        Assert.Contains("implausible-times\t2", Run("check").Lines);
        Assert.Equal(2, Json("implausibleTimes").GetInt64());
    }

    [Fact]
    public async Task It_names_the_other_processes_that_have_the_database_open()
    {
        Record(TimeSpan.Zero, "a");
        Assert.Contains("other-process\tnone", Run("check").Lines);

        var hold = $"exec 9<'{DatabasePath}'; echo open; read end";
        using var other = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", hold])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        await BuiltProgramTests.ReadUntil(other.StandardOutput, "open");

        Assert.Contains($"other-process\t{other.Id} sh", Run("check").Lines);
        var listed = Json("otherProcesses")[0];
        Assert.Equal(
            (other.Id, "sh"), (listed.GetProperty("processId").GetInt32(), listed.GetProperty("name").GetString()));
        other.StandardInput.Close();
        await ExitAsync(other);
    }

    [Fact]
    public void It_shows_the_present_problems_of_the_daemon()
    {
        Record(TimeSpan.Zero, "a");
        Assert.Contains("problem\tnone", Run("check").Lines);
        using (var store = Open())
            store.RecordUse([], new Dictionary<string, string>
            {
                ["host"] = """
                    {
                      "startedAt": "2026-02-28T10:00:00Z",
                      "problems": [{
                        "part": "watching", "since": "2026-02-28T11:00:00Z", "message": "The engine is away."
                      }]
                    }
                    """,
            });

        Assert.Contains("problem\twatching since 2026-02-28T11:00:00Z: The engine is away.", Run("check").Lines);
        var problem = Json("problems")[0];
        Assert.Equal(("watching", "2026-02-28T11:00:00Z", "The engine is away."), (
            problem.GetProperty("part").GetString(), problem.GetProperty("since").GetString(),
            problem.GetProperty("message").GetString()));
    }

    private JsonElement Json(string name) =>
        JsonDocument.Parse(Run("check", "--json").Output).RootElement.GetProperty(name);
}

using System.Diagnostics;
using System.Globalization;

namespace ImageGc.Cli.Tests;

/// <summary>The built program on a device whose wall clock is wrong, which libfaketime simulates.</summary>
public sealed class FakedClockTests : CliTest
{
    private const string Behind = "-21d";
    private const string Ahead = "+30d";
    private const string In1970 = "@1970-01-01 00:00:30";

    /// <remarks>
    /// `ld.so` replaces `$LIB`, see ld.so(8). The command `faketime` cannot be used here: it fails if a killed process
    /// with the same ID left its semaphore in `/dev/shm`, and these tests kill such processes.
    /// </remarks>
    private const string Faketime = "LD_PRELOAD='/usr/$LIB/faketime/libfaketime.so.1' DONT_FAKE_MONOTONIC=1";

    private readonly DateTimeOffset _start = TimeProvider.System.GetUtcNow();

    [Theory]
    [InlineData(Behind)]
    [InlineData(Ahead)]
    [InlineData(In1970)]
    public async Task An_image_that_a_wrong_clock_recorded_is_not_older_than_it_is_when_the_time_is_right(string wrong)
    {
        await RequireFaketime();

        await Imagegc("record --as-is x", wrong);

        var byTheWrongClock = LastUses(await Imagegc("list", wrong))["x"];
        Assert.False(IsInThisTest(byTheWrongClock), "libfaketime did not change the clock of the program.");
        await AssertAllUsedInThisTest("x");
    }

    [Theory]
    [InlineData(Behind)]
    [InlineData(Ahead)]
    public async Task A_prune_while_the_clock_is_wrong_keeps_what_was_just_used(string wrong)
    {
        await RequireFaketime();
        await Imagegc("record --as-is before");

        await Imagegc("record --as-is meanwhile", wrong);
        var pruned = await Imagegc("prune --in-use-file /dev/null", wrong);

        Assert.Equal(["used-recently\tbefore", "used-recently\tmeanwhile"], Verdicts(pruned));
        await AssertAllUsedInThisTest("before", "meanwhile");
    }

    [Theory]
    [InlineData(Behind, Ahead)]
    [InlineData(Ahead, In1970)]
    public async Task A_prune_that_is_killed_before_the_clock_is_set_leaves_true_times(string first, string second)
    {
        await RequireFaketime();
        await Imagegc("record --as-is in-use unused", first);
        var command = ScriptOf("echo removing $1 >&2; exec sleep 600");
        using var prune = StartShell(
            Command($"prune --in-use in-use --older-than 0 --run '{command} {{}}'", first));
        await BuiltProgramTests.ReadUntil(prune.StandardError, "removing unused");

        await Kill(prune);
        await Imagegc("record --as-is later", second);

        await AssertAllUsedInThisTest("in-use", "later", "unused");
    }

    [Fact]
    public async Task Recorders_that_are_killed_and_started_again_with_another_clock_leave_true_times()
    {
        await RequireFaketime();

        foreach (var (id, clock) in ((string, string)[])[("a", Behind), ("b", Ahead), ("c", In1970)])
        {
            using var recorder = StartShell($"while {Command($"record --as-is {id} shared", clock)}; do :; done");
            for (var records = 0; records < 2; records++)
                await BuiltProgramTests.ReadUntil(recorder.StandardOutput, "shared");
            await Kill(recorder);
        }

        await AssertAllUsedInThisTest("a", "b", "c", "shared");
    }

    [Fact]
    public async Task Programs_with_different_clocks_on_one_database_leave_true_times()
    {
        await RequireFaketime();

        await Task.WhenAll(
            RecordTwice("a", null), RecordTwice("b", Behind), RecordTwice("c", Ahead), RecordTwice("d", In1970));

        await AssertAllUsedInThisTest("a", "b", "c", "d", "shared");

        async Task RecordTwice(string id, string? clock)
        {
            for (var records = 0; records < 2; records++)
                await Imagegc($"record --as-is {id} shared", clock);
        }
    }

    [Fact]
    public async Task What_is_recorded_in_another_time_namespace_is_not_older_than_it_is()
    {
        await RequireFaketime();
        const string container = "unshare --time --boottime 864000";
        if ((await BuiltProgramTests.Start($"{container} true")).ExitCode != 0)
            Assert.Skip("Needs the right to make a time namespace.");
        await Imagegc("record --as-is host");

        await BuiltProgramTests.Start($"{container} {Command("record --as-is container")}");
        var pruned = await BuiltProgramTests.Start($"{container} {Command("prune --in-use-file /dev/null")}");

        Assert.Equal(["used-recently\tcontainer", "used-recently\thost"], Verdicts(pruned.Output));
        await AssertAllUsedInThisTest("container", "host");
    }

    /// <summary>With the right clock, no command shows an image as expired, and `list` shows true times.</summary>
    private async Task AssertAllUsedInThisTest(params string[] ids)
    {
        var usedRecently = ids.Select(id => $"used-recently\t{id}");
        Assert.Equal(usedRecently, Verdicts(await Imagegc("explain --in-use-file /dev/null")));
        Assert.Equal(usedRecently, Verdicts(await Imagegc("prune --in-use-file /dev/null")));

        var lastUses = LastUses(await Imagegc("list"));
        Assert.Equal(ids, lastUses.Keys.Order(StringComparer.Ordinal));
        Assert.All(lastUses.Values, time => Assert.True(IsInThisTest(time), $"{time:O} is not after {_start:O}."));
    }

    /// <remarks>A clock that is off by less than a second counts as right.</remarks>
    private bool IsInThisTest(DateTimeOffset time) =>
        time > _start.AddSeconds(-2) && time < TimeProvider.System.GetUtcNow().AddSeconds(1);

    private static IEnumerable<string> Verdicts(string output) =>
        Rows(output).Select(row => $"{row[0]}\t{row[1]}").Order(StringComparer.Ordinal);

    private static Dictionary<string, DateTimeOffset> LastUses(string output) =>
        Rows(output).ToDictionary(row => row[0], row => DateTimeOffset.Parse(row[1], CultureInfo.InvariantCulture));

    private static IEnumerable<string[]> Rows(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'));

    private async Task<string> Imagegc(string arguments, string? clock = null)
    {
        var (exitCode, output, error) = await BuiltProgramTests.Start(Command(arguments, clock));
        Assert.True(exitCode == 0, error);
        return output;
    }

    /// <remarks>With DONT_FAKE_MONOTONIC the time since boot stays true, as on a device whose clock is wrong.</remarks>
    private string Command(string arguments, string? clock = null)
    {
        var faked = clock is null ? "" : $"{Faketime} FAKETIME='{clock}' ";
        return $"{faked}'{BuiltProgramTests.Program}' {arguments} --db '{DatabasePath}'";
    }

    private static Process StartShell(string command) =>
        Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    /// <summary>Kills a process with SIGKILL, and all that it started.</summary>
    private static async Task Kill(Process process)
    {
        process.Kill(entireProcessTree: true);
        await ExitAsync(process);
    }

    private static async Task RequireFaketime()
    {
        var (_, output, error) = await BuiltProgramTests.Start($"{Faketime} FAKETIME='{In1970}' date +%Y");
        if (output != "1970\n")
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"There must be faketime in CI: {error}");
            Assert.Skip("There is no faketime on this machine.");
        }
    }
}

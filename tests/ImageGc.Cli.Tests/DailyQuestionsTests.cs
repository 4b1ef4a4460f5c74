using System.Globalization;

namespace ImageGc.Cli.Tests;

/// <summary>One command answers each daily question of operators, in a terminal of 80 columns and in a pipe.</summary>
public sealed class DailyQuestionsTests : EngineTest
{
    private readonly string _app1;
    private readonly string _app2;
    private readonly string _agent;
    private readonly string _debug;

    public DailyQuestionsTests()
    {
        Variables["NO_COLOR"] = "1";
        _app1 = AddTracked(TimeSpan.FromDays(8), 310_000_000, "registry/app:1");
        _app2 = AddTracked(TimeSpan.FromDays(5), 320_000_000, "registry/app:2");
        _agent = AddTracked(TimeSpan.FromDays(9), 5_000_000, "registry/agent:1");
        _debug = Docker.AddImage("debug:latest");
        Docker.AddContainer("registry/agent:1");
    }

    public static TheoryData<string> Questions =>
        ["status", "list", "list --untracked", "explain", "history", "history --runs", "check", "run --dry-run"];

    [Theory]
    [MemberData(nameof(Questions))]
    public void A_locale_with_commas_changes_no_answer(string question)
    {
        Remove(_app1);
        var usual = Answers(question);
        var german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (german.NumberFormat.NumberDecimalSeparator, german.NumberFormat.NumberGroupSeparator) = (",", ".");
        (german.DateTimeFormat.DateSeparator, german.DateTimeFormat.TimeSeparator) = (".", ".");
        german.NumberFormat.NegativeSign = "~";

        CultureInfo.CurrentCulture = german;
        try
        {
            Assert.Equal(usual, Answers(question));
        }
        finally
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        }
    }

    /// <remarks>The terminal wraps lines that are too wide for it, so nothing is lost.</remarks>
    [Theory]
    [MemberData(nameof(Questions))]
    public void A_terminal_of_40_columns_shows_what_one_of_80_shows(string question)
    {
        Remove(_app1);
        TerminalWidth = 80;
        var usual = Answer(question).Output;
        TerminalWidth = 40;

        Assert.Equal(usual, Answer(question).Output);
    }

    private string[] Answers(string question)
    {
        string[] answers = [Answer(question).Output, Answer($"{question} --json").Output];
        TerminalWidth = 120;
        answers = [.. answers, Answer(question).Output];
        TerminalWidth = null;
        return answers;
    }

    private Result Answer(string question)
    {
        var words = question.Split(' ');
        var result = words[0] is "history" or "check" ? Run(words) : Ask(words);
        Assert.NotEqual("", result.Output);
        return result;
    }

    private void Remove(string image)
    {
        using var store = Open();
        store.Prune([_agent, _app2]);
        Assert.Null(store.Find(image));
    }

    [Fact]
    public void What_is_tracked()
    {
        Assert.Equal(
            [
                $"{_agent}\t2026-02-20T12:00:00Z\t5000000\tregistry/agent:1",
                $"{_app1}\t2026-02-21T12:00:00Z\t310000000\tregistry/app:1",
                $"{_app2}\t2026-02-24T12:00:00Z\t320000000\tregistry/app:2",
            ],
            Run("list").Lines);
        Assert.Equal(
            [
                "NAME              LAST USED (UTC)               SIZE    IMAGE ID",
                $"registry/agent:1  2026-02-20 12:00, 9 days ago  5 MB    {Short(_agent)}",
                $"registry/app:1    2026-02-21 12:00, 8 days ago  310 MB  {Short(_app1)}",
                $"registry/app:2    2026-02-24 12:00, 5 days ago  320 MB  {Short(_app2)}",
            ],
            Terminal(() => Run("list")));
    }

    [Fact]
    public void What_is_removed_next_when_and_why()
    {
        Assert.Equal(
            [
                $"expired\t{_app1}\t2026-02-21T12:00:00Z\t2026-02-28T12:00:00Z\t310000000\tregistry/app:1\t-",
                $"in-use\t{_agent}\t2026-02-20T12:00:00Z\t2026-03-08T12:00:00Z\t5000000\tregistry/agent:1\t"
                    + Container(),
                $"used-recently\t{_app2}\t2026-02-24T12:00:00Z\t2026-03-03T12:00:00Z\t320000000\tregistry/app:2\t-",
            ],
            Ask("explain").Lines);
        Assert.Equal(
            [
                "NAME              LAST USED   VERDICT             SIZE    IMAGE ID",
                $"registry/app:1    8 days ago  expired             310 MB  {Short(_app1)}",
                $"registry/agent:1  9 days ago  in use by {Container()}  5 MB    {Short(_agent)}",
                $"registry/app:2    5 days ago  expires in 2 days   320 MB  {Short(_app2)}",
            ],
            Terminal(() => Ask("explain")));
    }

    [Fact]
    public void When_and_why_one_image_is_removed()
    {
        foreach (var written in (string[])["registry/app:2", Short(_app2), "*/app:2"])
        {
            var result = Ask("explain", written);
            Assert.Equal($"used-recently\t{_app2}", string.Join('\t', Assert.Single(result.Lines).Split('\t')[..2]));
            Assert.DoesNotContain("can be removed now", result.Error, StringComparison.Ordinal); // Not of one image.
        }

        var unknown = Ask("explain", "registry/ap:2");
        Assert.Equal((ExitCode.Failed, ""), (unknown.ExitCode, unknown.Output));
        Assert.Contains(
            "'registry/ap:2' is not tracked, so it is never removed. Did you mean 'registry/app:2'?", unknown.Error,
            StringComparison.Ordinal);
        Assert.Equal(
            [$"in-use\t{_app2}"],
            Run("explain", "registry/app:2", "--in-use", _app2, "--in-use", _agent).Lines
                .Select(line => string.Join('\t', line.Split('\t')[..2])));
    }

    [Fact]
    public void What_if_images_were_kept_for_three_days()
    {
        Assert.Equal(["expired", "expired", "in-use"],
            Ask("explain", "--older-than", "3d").Lines.Select(line => line.Split('\t')[0]));
        Assert.Contains("2 of 3 tracked images can be removed now, which would free up to 630 MB.",
            Ask("explain", "--older-than", "3d").Error, StringComparison.Ordinal);
        Assert.Equal(2, Terminal(() => Ask("explain", "--older-than", "3d")).Count(line =>
            line.Contains("  expired  ", StringComparison.Ordinal)));
    }

    [Fact]
    public void When_and_why_an_image_was_removed()
    {
        Ask("run", "--once");
        Time.Now += TimeSpan.FromHours(2);

        var line = Assert.Single(Run("history", "registry/app:1").Lines).Split('\t');
        Assert.Equal(
            [_app1, "2026-02-21T12:00:00Z", "2026-03-01T12:00:00Z", "691200s", "604800s"], line[..5]);
        Assert.Equal(["310000000", $"registry/app:1,registry/app@{_app1}", "scheduled"], line[6..]);
        var shown = Terminal(() => Run("history", "registry/app:1"));
        Assert.Matches(@"^NAME +REMOVED \(UTC\) +UNUSED FOR +WHY +FREED +IMAGE ID$", shown[0]);
        Assert.Matches($@"^registry/app:1 +2026-03-01 12:00 +8 days +over 7d +\S.* +{Short(_app1)}$", shown[1]);
    }

    [Fact]
    public void Which_images_are_not_tracked_and_why()
    {
        Assert.Equal(
            [$"{_debug}\t1000\tdebug:latest,debug@{_debug}\tno container has used it so far"],
            Ask("list", "--untracked").Lines);
        Assert.Equal(
            [
                "NAME          SIZE  WHY                              IMAGE ID",
                $"debug:latest  1 kB  no container has used it so far  {Short(_debug)}",
            ],
            Terminal(() => Ask("list", "--untracked")));
    }

    [Fact]
    public async Task Whether_it_is_healthy()
    {
        using var daemon = await StartDaemonAsync();

        Assert.Equal("state\tall is well", Run("status").Lines[0]);
        var shown = Terminal(() => Run("status"));
        Assert.Equal("state          all is well", shown[0]);
        Assert.Equal("next-run       2026-03-02 00:00 UTC, in 12 hours",
            shown.First(line => line.StartsWith("next-run", StringComparison.Ordinal)));
        Assert.Equal("expired-bytes  310 MB",
            shown.First(line => line.StartsWith("expired-bytes", StringComparison.Ordinal)));
        await daemon.StopAsync(Cancel);
    }

    [Fact]
    public void Why_nothing_was_removed_last_night()
    {
        Run("keep", "registry/app:1");
        Ask("run", "--once");

        Assert.Contains("last-run\t2026-03-01T12:00:00Z removed 0 of 3, 0 failed", Ask("status").Lines);
        Assert.Contains(
            $"kept\t{_app1}\t2026-02-21T12:00:00Z\t2026-02-28T12:00:00Z\t310000000\t"
            + $"registry/app:1,registry/app@{_app1}\tby hand, as registry/app:1",
            Ask("explain").Lines);
        Assert.Contains(Terminal(() => Ask("explain")), line =>
            line.Contains("kept: by hand, as", StringComparison.Ordinal));
    }

    private List<string> Terminal(Func<Result> run)
    {
        TerminalWidth = 80;
        var lines = run().Lines.Select(line => line.TrimEnd()).ToList();
        TerminalWidth = null;
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 80));
        return lines;
    }

    private static string Short(string id) => id["sha256:".Length..][..12];

    /// <summary>The name of the container, which the fake engine makes of the first digits of its ID.</summary>
    private string Container() => Ask("explain").Lines
        .First(line => line.StartsWith("in-use", StringComparison.Ordinal)).Split('\t')[^1];
}

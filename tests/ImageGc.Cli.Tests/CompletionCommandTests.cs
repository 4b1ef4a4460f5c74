using ImageGc.Sqlite;

namespace ImageGc.Cli.Tests;

public sealed class CompletionCommandTests : CliTest
{
    private const string ColonBreaksWords = "COMP_WORDBREAKS=' :'";
    private const string Zshrc = "autoload -U compinit bashcompinit && compinit -D && bashcompinit";

    [Theory]
    [InlineData("imagegc pr", "prune")]
    [InlineData("imagegc prune --dr", "--dry-run")]
    [InlineData("imagegc list --no", "--no-trunc")]
    [InlineData("imagegc list ", "")]
    [InlineData("imagegc import image_", "")]
    [InlineData("imagegc completion ", "bash zsh")]
    [InlineData("./imagegc hist", "history")]
    public async Task Bash_completes_commands_and_options(string line, string completed) =>
        Assert.Equal(completed, await Complete("bash", line));

    [Theory]
    [InlineData("forget")]
    [InlineData("record")]
    [InlineData("history")]
    public async Task Bash_completes_the_IDs_of_images(string command)
    {
        Record(TimeSpan.Zero, Id(1), "sha256:ffff", "nginx");
        var line = $"imagegc {command} --db {DatabasePath} ";

        Assert.Equal($"nginx {Id(1)} sha256:ffff", await Complete("bash", line));
        Assert.Equal($"{Id(1)[7..]}", await Complete("bash", $"{line}sha256:00", ColonBreaksWords));
        Assert.Equal("sha256:ffff", await Complete("bash", $"{line}sha256:f", "COMP_WORDBREAKS=' '"));
    }

    [Fact]
    public async Task History_completes_the_IDs_of_removed_images_too()
    {
        Record(TimeSpan.FromDays(8), "gone");
        Run("prune", "--in-use-file", "/dev/null");
        Record(TimeSpan.Zero, "here");

        Assert.Equal("gone here", await Complete("bash", $"imagegc history --db {DatabasePath} "));
        Assert.Equal("here", await Complete("bash", $"imagegc forget --db {DatabasePath} "));
    }

    [Fact]
    public async Task An_ID_that_a_shell_would_take_for_more_is_neither_offered_nor_run()
    {
        var ran = PathOf("ran");
        Record(TimeSpan.Zero, $"$(touch${{IFS}}{ran})", $"`touch${{IFS}}{ran}`", "a;reboot", "a*", "b", "c\u202ed");
        Record(TimeSpan.Zero, "--force");

        Assert.Equal("b", await Complete("bash", $"imagegc forget --db {DatabasePath} "));
        Assert.Equal("--config --help --json", await Complete("bash", $"imagegc forget --db {DatabasePath} --"));
        Assert.False(File.Exists(ran));
    }

    [Fact]
    public async Task Completion_creates_and_changes_no_file()
    {
        Assert.Equal("", await Complete("bash", $"imagegc forget --db {PathOf("missing.db")} "));
        Assert.False(File.Exists(PathOf("missing.db")));

        var text = FileOf("a letter", "text");
        Assert.Equal("", await Complete("bash", $"imagegc forget --db {text} "));

        Record(TimeSpan.Zero, "a");
        var before = Content();
        Assert.Equal("a", await Complete("bash", $"imagegc forget --db {DatabasePath} "));
        Assert.Equal(before, Content());
        var files = Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!);
        Assert.Equal([DatabasePath, text], files.Order(StringComparer.Ordinal));

        string Content() => Convert.ToHexString(File.ReadAllBytes(DatabasePath));
    }

    [Fact]
    public async Task Completion_offers_images_that_were_just_recorded()
    {
        Record(TimeSpan.Zero, "a");
        using var runtime = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = DatabasePath }, Time);
        runtime.RecordUse("b");

        Assert.Equal("a b", await Complete("bash", $"imagegc forget --db {DatabasePath} "));
        runtime.RecordUse("c");
        Assert.Equal(["a", "b", "c"], TrackedIds());
    }

    [Fact]
    public async Task Zsh_completes_with_the_same_script()
    {
        if ((await BuiltProgramTests.Start("command -v zsh")).ExitCode != 0)
            Assert.Skip("There is no zsh on this machine.");
        Record(TimeSpan.Zero, Id(1));

        Assert.Equal("prune", await Complete("zsh", "imagegc pr", Zshrc));
        Assert.Equal(Id(1), await Complete("zsh", $"imagegc forget --db {DatabasePath} sha256:00", Zshrc));
    }

    /// <summary>The words that the shell would offer after this line.</summary>
    private static async Task<string> Complete(string shell, string line, string first = "true")
    {
        var script = $"""
            PATH="{Path.GetDirectoryName(BuiltProgramTests.Program)}:$PATH"
            cd '{Path.GetDirectoryName(BuiltProgramTests.Program)}'
            {first}
            source <(imagegc completion {shell})
            COMP_LINE='{line}' COMP_POINT={line.Length}
            _imagegc {line.Split(' ')[0]}
            echo "$COMPREPLY[*]"
            """;
        if (shell == "bash")
            script = script.Replace("$COMPREPLY[*]", "${COMPREPLY[*]}", StringComparison.Ordinal);
        var (_, output, error) = await BuiltProgramTests.Start(
            $"exec {shell} {(shell == "bash" ? "--norc" : "-f")} -c \"$(cat <<'END'\n{script}\nEND\n)\"");

        Assert.Equal("", error);
        return output.TrimEnd('\n');
    }
}

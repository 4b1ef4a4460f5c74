using System.Text;
using ImageGc.Cli.Input;

namespace ImageGc.Cli.Tests;

public sealed class InUseListTests : CliTest
{
    public InUseListTests() => Record(TimeSpan.FromDays(30), Id(1), Id(2), Id(3));

    [Fact]
    public void Prune_without_an_in_use_list_is_a_usage_error()
    {
        var result = Run("prune");

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("--nothing-in-use", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Fact]
    public void An_in_use_option_that_came_out_empty_is_a_usage_error() =>
        Assert.Equal(ExitCode.Usage, Run("prune", "--in-use", "--older-than", "0").ExitCode);

    [Fact]
    public void A_pipe_that_names_no_image_is_an_error()
    {
        Assert.Equal(ExitCode.Failed, Run("prune", "--in-use-file", "-").ExitCode);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n# Cannot connect to the Docker daemon\n")]
    public void An_in_use_file_that_names_no_image_is_an_error(string content)
    {
        var file = FileOf(content);

        var result = Run("prune", "--in-use-file", file, "--older-than", "0");

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal(
            $"imagegc: No image is listed in '{file}', so nothing was changed. If no image is in use, use "
            + "--nothing-in-use.",
            result.Error.Trim());
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Theory]
    [InlineData("--nothing-in-use")]
    [InlineData("--in-use-file", "/dev/null")]
    public void An_option_or_dev_null_states_that_no_image_is_in_use(params string[] said)
    {
        Assert.Equal(ExitCode.Done, Run(["prune", "--older-than", "0", .. said]).ExitCode);
        Assert.Empty(TrackedIds());
    }

    [Theory]
    [InlineData("--in-use", "x")]
    [InlineData("--in-use-file", "-")]
    public void Nothing_in_use_contradicts_a_list(params string[] list) =>
        Assert.Equal(ExitCode.Usage, Run(["prune", "--nothing-in-use", .. list]).ExitCode);

    [Fact]
    public void Arguments_and_file_are_combined()
    {
        var file = FileOf($"# running\r\n\r\n \t{Id(2)} \r\n{Id(2)}");

        Run("prune", "--in-use", Id(1), "--in-use-file", file);

        Assert.Equal([Id(1), Id(2)], TrackedIds());
    }

    [Fact]
    public void Standard_input_is_read_for_a_dash()
    {
        Input = $"{Id(1)}\n{Id(3)}\n";

        Run("prune", "--in-use-file", "-");

        Assert.Equal([Id(1), Id(3)], TrackedIds());
    }

    [Fact]
    public void A_malformed_argument_is_a_usage_error()
    {
        Assert.Equal(ExitCode.Usage, Run("prune", "--in-use", Id(1), "two words").ExitCode);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Fact]
    public void A_malformed_line_is_an_error_that_names_it()
    {
        var file = FileOf($"{Id(1)}\n# comment\ntwo words\n");

        var result = Run("prune", "--in-use-file", file);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.StartsWith($"imagegc: Line 3 of '{file}' is not valid", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Fact]
    public void A_line_that_is_too_long_is_an_error()
    {
        var file = FileOf("#" + new string('x', InUseFile.MaxLineLength));

        Assert.Contains("longer than 4096", ErrorOf(file), StringComparison.Ordinal);
    }

    [Fact]
    public void More_images_than_a_device_can_have_are_an_error()
    {
        Input = string.Concat(Enumerable.Range(0, InUseFile.MaxIds + 1).Select(number => $"image{number}\n"));

        Assert.Contains("Line 100001 of standard input", ErrorOf("-"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_an_error()
    {
        File.WriteAllBytes(PathOf("latin1"), [.. Encoding.UTF8.GetBytes(Id(1)), 0xff, (byte)'\n']);

        Assert.Contains("is not UTF-8", ErrorOf(PathOf("latin1")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("000000000000")]
    [InlineData("sha256:0000000000")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001")]
    [InlineData("SHA256:0000000000000000000000000000000000000000000000000000000000000001")]
    public void Another_form_of_a_tracked_id_is_an_error(string shortened)
    {
        var result = Run("prune", "--in-use", shortened);

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains($"'{shortened}' has another form than the tracked IDs", result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Theory]
    [InlineData("edge/agent:1.5")]
    [InlineData("nginx")]
    public void A_name_where_IDs_are_tracked_is_an_error(string name)
    {
        foreach (var command in (string[])["explain", "prune"])
        {
            var result = Run(command, "--in-use", Id(1), name);

            Assert.Equal(ExitCode.Failed, result.ExitCode);
            Assert.Contains($"'{name}' has another form than the tracked IDs", result.Error, StringComparison.Ordinal);
            Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
        }
    }

    [Fact]
    public void Explain_says_how_many_IDs_matched() =>
        Assert.Contains("IDs given as in use: 2, not tracked: 1.",
            Run("explain", "--in-use", Id(1), Id(9)).Error, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_an_error_and_nothing_is_pruned()
    {
        var result = Run("prune", "--older-than", "0", "--in-use-file", PathOf("missing"));

        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Contains(PathOf("missing"), result.Error, StringComparison.Ordinal);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
    }

    [Theory]
    [InlineData("# comment\n")]
    [InlineData("sha256:0000\n")]
    [InlineData("\0")]
    public void An_endless_list_is_an_error(string repeated)
    {
        using var endless = new EndlessStream(repeated);

        var error = Assert.Throws<CommandFailedException>(() => InUseFile.ReadStandardInput(endless));

        Assert.Contains("of standard input is not valid, so nothing was", error.Message, StringComparison.Ordinal);
        Assert.InRange(endless.Served, 1, InUseFile.MaxLength + (1 << 20));
    }

    [Fact]
    public void The_size_limit_leaves_room_for_the_most_IDs_of_the_greatest_length() =>
        Assert.True(InUseFile.MaxIds * (512L + 1) < InUseFile.MaxLength);

    [Fact]
    public void A_directory_is_an_error_that_says_so() => Assert.Contains(
        "is a directory. Nothing was changed.", ErrorOf("/tmp"), StringComparison.Ordinal);

    /// <summary>The error of a prune with this file, which must have changed nothing.</summary>
    private string ErrorOf(string file)
    {
        var result = Run("prune", "--in-use-file", file);
        Assert.Equal(ExitCode.Failed, result.ExitCode);
        Assert.Equal([Id(1), Id(2), Id(3)], TrackedIds());
        return result.Error;
    }

    private sealed class EndlessStream(string repeated) : MemoryStream
    {
        private readonly byte[] _repeated = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(repeated, 1000)));

        public long Served { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, _repeated.Length) / repeated.Length * repeated.Length;
            _repeated.AsSpan(0, count).CopyTo(buffer);
            Served += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    }
}

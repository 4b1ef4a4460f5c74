namespace ImageGc.Cli.Tests;

public sealed class CompletionTests : CliTest
{
    [Theory]
    [InlineData("imagegc pr", "prune")]
    [InlineData("imagegc prune --dr", "--dry-run")]
    [InlineData("imagegc list --no", "--no-trunc")]
    [InlineData("imagegc import image_", "")]
    public async Task Bash_completes_commands_and_options(string line, string completed)
    {
        var directory = Path.GetDirectoryName(ProcessTests.Program);
        var (_, output, error) = await ProcessTests.Start($$"""
            exec bash --norc -c 'PATH="{{directory}}:$PATH"
            source <(imagegc completion)
            words=({{line}})
            COMP_LINE="{{line}}" COMP_POINT={{line.Length}}
            _imagegc imagegc "${words[-1]}"
            echo "${COMPREPLY[*]}"
            complete -p imagegc'
            """);

        Assert.Equal(($"{completed}\ncomplete -o bashdefault -o default -F _imagegc imagegc\n", ""), (output, error));
    }
}

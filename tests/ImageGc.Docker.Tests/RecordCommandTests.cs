namespace ImageGc.Docker.Tests;

/// <summary>`imagegc record` and `imagegc adopt` with a real engine.</summary>
public sealed class RecordCommandTests(PrivateEngine engine) : RunCommandTest(engine)
{
    [Theory]
    [InlineData("record")]
    [InlineData("adopt")]
    public async Task Names_and_short_IDs_are_looked_up(string command)
    {
        var (named, unnamed) = (await CreateImageAsync(), await CreateImageAsync());
        var name = $"lookup-{command}:1";
        await Docker.Images.TagImageAsync(
            named, new() { RepositoryName = name.Split(':')[0], Tag = "1" }, Cancel);

        using var run = new Daemon(
            Variables,
            [command, name, unnamed["sha256:".Length..][..12], "--db", DatabasePath, "--engine", $"{Engine.Address}"]);

        Assert.Equal(0, await run.EndAsync());
        Assert.Equal($"{named}\n{unnamed}\n", await run.Output);
        Assert.Equal(new[] { named, unnamed }.Order(), Tracked().Order());
        using var store = Open(TimeProvider.System);
        Assert.Contains(name, store.Find(named)!.Value.Names);
        await Docker.Images.DeleteImageAsync(name, new(), Cancel);
    }
}

using System.CommandLine;
using ImageGc.Cli.Hosting;
using ImageGc.Cli.Input;
using ImageGc.Cli.Terminal;
using ImageGc.Docker.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace ImageGc.Cli.Tests;

/// <summary>Commands that ask an engine, which is a fake one here, and the daemon beside them.</summary>
public abstract class EngineTest : CliTest
{
    private protected FakeDocker29 Docker { get; } = new();

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected Result Ask(params string[] args) => Run([.. args, "--engine", Docker.Address.ToString()]);

    /// <summary>Adds an image to the engine that a container last used so long ago; returns its ID.</summary>
    protected string AddTracked(TimeSpan age, long bytes, params string[] names)
    {
        var id = Docker.AddImage(names);
        Docker.Sizes[id] = bytes;
        Record(age, id);
        Describe(id, bytes, names);
        return id;
    }

    /// <summary>Starts `imagegc run` in this process; returns once it watches and has planned a cleanup.</summary>
    private protected async Task<IHost> StartDaemonAsync(params (string Name, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            [
                Setting("DatabasePath", DatabasePath), Setting("EngineAddress", Docker.Address.ToString()),
                Setting("WatchContainers", "true"), new("Logging:LogLevel:Default", "None"),
                .. settings.Select(setting => Setting(setting.Name, setting.Value)),
            ]).Build();
        var host = DaemonHost.Build(ContextOf("run"), configuration);
        await host.StartAsync(Cancel);
        await UntilAsync(() => Run("status", "--json").Output is var status
            && !status.Contains("\"nextRunAt\": null", StringComparison.Ordinal)
            && !status.Contains("\"watchingSince\": null", StringComparison.Ordinal));
        return host;
    }

    private CommandContext ContextOf(string command)
    {
        var environment = new ConsoleEnvironment { Time = Time, SettingsFile = SettingsFile };
        return new CommandContext(
            new GlobalOptions(environment), new RootCommand { new Command(command) }.Parse(command));
    }

    private static KeyValuePair<string, string?> Setting(string name, string value) =>
        new($"{Cli.Input.SettingsFile.Section}:{name}", value);

    public override void Dispose()
    {
        Docker.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }
}

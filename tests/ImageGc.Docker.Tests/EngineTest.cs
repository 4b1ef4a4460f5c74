using System.Formats.Tar;
using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using ImageGc.Sqlite.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Docker.Tests;

/// <summary>Real images in a real engine, a real database, and a clock that the test moves.</summary>
[Collection("engine")]
public abstract class EngineTest : IAsyncLifetime
{
    private static int LastName;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imagegc-");
    private readonly List<string> _containers = [];
    private readonly List<ServiceProvider> _hosts = [];

    protected EngineTest(PrivateEngine engine)
    {
        Engine = engine;
        if (engine.Missing is not { } reason)
            return;
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"There must be an engine in CI: {reason}");
        Assert.Skip(reason);
    }

    protected PrivateEngine Engine { get; }

    protected DockerClient Docker => Engine.Client;

    internal SteppingTime Time { get; } = new();

    internal RecordingLog Log { get; } = new();

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected string DatabasePath => Path.Combine(_directory.FullName, "image_use.db");

    /// <summary>The services of a host with these settings.</summary>
    protected ServiceProvider Services(params (string Name, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            [
                new("DatabasePath", DatabasePath), new("EngineAddress", Engine.Address.ToString()),
                .. settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)),
            ]).Build();
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<ILoggerFactory>(Log);
        services.AddLogging();
        services.AddImageGarbageCollection(configuration).AddDocker();
        services.AddHealthChecks().AddImageGarbageCollection();
        _hosts.Add(services.BuildServiceProvider());
        return _hosts[^1];
    }

    protected static ImageUseStore StoreOf(ServiceProvider services) => services.GetRequiredService<ImageUseStore>();

    protected static Task CollectAsync(ServiceProvider services) =>
        services.GetRequiredService<Cleanup>().RunAsync(PruneKind.Scheduled, null, null, Cancel);

    /// <summary>Records uses of the images, and lets time pass until they are expired.</summary>
    protected void RecordAndAge(ServiceProvider services, params string[] imageIds)
    {
        StoreOf(services).RecordUse(imageIds);
        Time.Pass(TimeSpan.FromDays(8));
    }

    protected static string NewName() => $"test/image-{Interlocked.Increment(ref LastName)}";

    /// <summary>Creates an image that runs busybox; returns its ID.</summary>
    protected async Task<string> CreateImageAsync(string? name = null, string tag = "1", int bytes = 0)
    {
        name ??= NewName();
        await Docker.Images.CreateImageAsync(
            new ImagesCreateParameters { FromSrc = "-", Repo = name, Tag = tag }, Root(bytes), new AuthConfig(),
                new Ignore(), Cancel);
        return (await Docker.Images.InspectImageAsync($"{name}:{tag}", Cancel)).ID;
    }

    /// <summary>Creates a container without starting it; returns its ID.</summary>
    protected async Task<string> CreateContainerAsync(string image, string? label = null)
    {
        var created = await Docker.Containers.CreateContainerAsync(new CreateContainerParameters
        {
            Image = image,
            Cmd = ["/bin/busybox", "sleep", "1000"],
            HostConfig = new HostConfig { NetworkMode = "none" },
            Labels = label is null
                ? new Dictionary<string, string>() : new Dictionary<string, string> { [label] = "edge" },
        }, Cancel);
        _containers.Add(created.ID);
        return created.ID;
    }

    /// <summary>Creates an image that is built on this one; returns its ID.</summary>
    protected async Task<string> CreateChildAsync(string parent, params string[] changes)
    {
        var container = await CreateContainerAsync(parent);
        var child = await Docker.Images.CommitContainerChangesAsync(new CommitContainerChangesParameters
        {
            ContainerID = container,
            RepositoryName = NewName(),
            Tag = "child",
            Changes = changes,
        }, Cancel);
        await RemoveContainerAsync(container);
        return child.ID;
    }

    protected async Task<string> RunContainerAsync(string image)
    {
        var container = await CreateContainerAsync(image);
        await Docker.Containers.StartContainerAsync(container, new ContainerStartParameters(), Cancel);
        return container;
    }

    protected Task RemoveContainerAsync(string container) => Docker.Containers.RemoveContainerAsync(
        container, new ContainerRemoveParameters { Force = true }, CancellationToken.None);

    protected Task RemoveImageAsync(string image) =>
        Docker.Images.DeleteImageAsync(image, new ImageDeleteParameters { Force = true }, Cancel);

    protected async Task<bool> ExistsAsync(string image)
    {
        try
        {
            await Docker.Images.InspectImageAsync(image, Cancel);
            return true;
        }
        catch (DockerImageNotFoundException)
        {
            return false;
        }
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.DisposeAsync();
        foreach (var container in _containers)
        {
            try
            {
                await RemoveContainerAsync(container);
            }
            catch (DockerApiException)
            {
                // The test has removed it.
            }
        }

        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>A root file system with unique content.</summary>
    private static MemoryStream Root(int bytes)
    {
        var filler = new byte[bytes];
        Random.Shared.NextBytes(filler);
        var root = new MemoryStream();
        using (var tar = new TarWriter(root, leaveOpen: true))
        {
            tar.WriteEntry("/bin/busybox", "bin/busybox");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "filler")
            {
                DataStream = new MemoryStream(filler),
            });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "name")
            {
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes(Guid.NewGuid().ToString())),
            });
        }

        root.Position = 0;
        return root;
    }

    private sealed class Ignore : IProgress<JSONMessage>
    {
        public void Report(JSONMessage value)
        {
        }
    }
}

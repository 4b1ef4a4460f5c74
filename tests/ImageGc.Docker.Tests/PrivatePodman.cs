using System.Diagnostics;
using System.Formats.Tar;
using System.Text;

namespace ImageGc.Docker.Tests;

/// <summary>A real Podman of the test's own, with its Docker-compatible service, images and containers.</summary>
public sealed class PrivatePodman : IAsyncLifetime
{
    /// <remarks>Its name is short, because a socket's path must be.</remarks>
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("igp-");

    private Process? _service;

    /// <summary>Why there is no engine; null if there is one.</summary>
    public static string? Missing { get; } =
        !OperatingSystem.IsLinux() || Environment.UserName != "root" ? "this Podman needs root on Linux"
        : !File.Exists("/usr/bin/podman") || !File.Exists("/bin/busybox")
            ? "podman or a static busybox is not installed (.ci/engine installs them)"
        : null;

    public Uri Address => new($"unix://{PathOf("s")}");

    /// <summary>The directory of the images.</summary>
    public string Root => PathOf("root");

    /// <summary>Where another Podman has its images, which this one may only read.</summary>
    public string? ReadOnlyRoot { get; init; }

    private string[] Global =>
        ["--tmpdir", PathOf("tmp"), "--events-backend", "file", "--cgroup-manager=cgroupfs", "--runtime", "runc"];

    public async ValueTask InitializeAsync()
    {
        Assert.False(Missing is not null && Environment.GetEnvironmentVariable("CI") == "true",
            $"There must be a Podman in CI: {Missing}");
        if (Missing is { } reason)
            Assert.Skip(reason);
        await File.WriteAllTextAsync(PathOf("storage.conf"), $"""
            [storage]
            driver = "vfs"
            graphroot = "{Root}"
            runroot = "{PathOf("run")}"
            [storage.options]
            additionalimagestores = [{(ReadOnlyRoot is null ? "" : $"\"{ReadOnlyRoot}\"")}]
            """);
        _service = Process.Start(Podman("system", "service", "--time=0", Address.ToString()));
        var patience = Stopwatch.StartNew();
        while (!File.Exists(PathOf("s")))
        {
            Assert.True(
                patience.Elapsed < TimeSpan.FromMinutes(1), "Podman did not create its socket within a minute.");
            await Task.Delay(50);
        }
    }

    /// <summary>Runs a command, which must succeed; returns what it prints.</summary>
    public string Run(params string[] arguments)
    {
        var start = Podman(arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var podman = Process.Start(start)!;
        var (failure, printed) = (podman.StandardError.ReadToEndAsync(), podman.StandardOutput.ReadToEndAsync());
        var command = $"podman {string.Join(' ', arguments)}";
        Assert.True(podman.WaitForExit(TimeSpan.FromMinutes(2)), $"'{command}' did not exit within 2 minutes.");
        Assert.True(podman.ExitCode == 0, $"{command}: {failure.Result}");
        return printed.Result.Trim();
    }

    /// <summary>Creates an image that runs busybox; returns its ID.</summary>
    public string CreateImage(params string[] names)
    {
        var root = PathOf($"{Guid.NewGuid()}.tar");
        using (var tar = new TarWriter(File.Create(root)))
        {
            tar.WriteEntry("/bin/busybox", "bin/busybox");
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "name")
            {
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes(root)),
            });
        }

        var id = Run("import", "--quiet", root);
        foreach (var name in names)
            Run("tag", id, name);
        return id;
    }

    /// <summary>Creates a container without starting it; returns its ID.</summary>
    public string CreateContainer(string image, params string[] mounted) => Run(
    [
        "create", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
        .. mounted.Select(one => $"--mount=type=image,source={one},destination=/mounted"),
        image, "/bin/busybox", "sleep", "1000",
    ]);

    public async ValueTask DisposeAsync()
    {
        if (_service is null)
            return;
        Run("rm", "--all", "--force", "--time", "0");
        _service.Kill();
        await ExitAsync(_service);
        _service.Dispose();
        _directory.Delete(recursive: true);
    }

    private ProcessStartInfo Podman(params string[] arguments) => new("podman", [.. Global, .. arguments])
    {
        Environment = { ["CONTAINERS_STORAGE_CONF"] = PathOf("storage.conf") },
    };

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);
}

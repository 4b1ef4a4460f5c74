using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Raw = SQLitePCL;

namespace ImageGc.Sqlite.Tests;

/// <summary>This test program, started as another process that uses a store on command.</summary>
/// <remarks>
/// It reads lines `command path argument`, and answers each with `ok` or the exception. It ends when the test kills it,
/// or with the test, whose end closes its standard input.
/// </remarks>
internal sealed class OtherProcess : IDisposable
{
    /// <summary>How long `record-slowly` holds the lock, by its own clock.</summary>
    public static readonly TimeSpan RecordsSlowlyFor = TimeSpan.FromHours(1);

    private const string Role = "IMAGEGC_TESTS_OTHER_PROCESS";
    private static readonly List<ImageUseStore> Held = [];
    private readonly Process _process;
    private string _command = "start";

    /// <summary>Not <see cref="Environment.ProcessPath"/>, which is `dotnet` if the tests run in it.</summary>
    private static string Program => Path.ChangeExtension(typeof(OtherProcess).Assembly.Location, null);

    public OtherProcess(string umask = "022", string? program = null)
    {
        _process = Process.Start(new ProcessStartInfo(
            "/bin/sh", ["-c", $"umask {umask} && exec \"$0\"", program ?? Program])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [Role] = "1" },
        })!;
        Assert.Equal("ready", Answer());
    }

    public string LoadedLibraries => File.ReadAllText($"/proc/{_process.Id}/maps");

    public void Tell(string command, string path, string argument = "-")
    {
        _command = command;
        _process.StandardInput.WriteLine($"{command} {path} {argument}");
    }

    public string Answer() =>
        Wait.For(_process.StandardOutput.ReadLineAsync(), $"the other process answers '{_command}'") ?? "died";

    public string Ask(string command, string path, string argument = "-")
    {
        Tell(command, path, argument);
        return Answer();
    }

    /// <summary>Kills it with SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        Wait.ForExit(_process, "the other process has died of kill -9");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }

    [ModuleInitializer]
    internal static void ObeyIfThisIsTheOtherProcess()
    {
        if (Environment.GetEnvironmentVariable(Role) is null)
            return;

        Console.WriteLine("ready");
        while (Console.ReadLine()?.Split(' ') is [var command, var path, var argument])
            Console.WriteLine(Obey(command, path, argument));
        Environment.Exit(0);
    }

    private static string Obey(string command, string path, string argument)
    {
        try
        {
            if (command == "record-slowly")
            {
                RecordSlowly(path, argument);
                return "ok";
            }

            if (command == "choose-library")
            {
                Raw.SQLite3Provider_dynamic_cdecl.Setup("other", new Library(NativeLibrary.Load(path)));
                Raw.raw.SetProvider(new Raw.SQLite3Provider_dynamic_cdecl());
                Raw.raw.FreezeProvider();
                return "ok";
            }

            if (command == "record-in-deleted-directory")
            {
                Directory.SetCurrentDirectory(Directory.CreateDirectory(path).FullName);
                Directory.Delete(path);
                path = "image_use.db";
            }

            var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path });
            if (command == "hold")
            {
                Held.Add(store);
                return "ok";
            }

            using var closing = store;
            if (command == "record")
                store.RecordUse(argument);
            if (command == "export")
                store.ExportFlatFile(argument);
            if (command == "prune-and-hang")
                PruneAndHang(store);
            if (command == "lock-prunes")
            {
                store.LockPrunes();
                Console.WriteLine("locked");
                Console.ReadLine(); // It holds the lock until the test kills it.
            }

            return "ok";
        }
        catch (ImageUseStoreException exception)
        {
            return exception.ToString().ReplaceLineEndings(" ");
        }
    }

    /// <summary>Holds the lock until the next line comes in.</summary>
    private static void RecordSlowly(string path, string imageId)
    {
        var time = new SlowTime();
        using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path }, time);
        time.IsSlow = true;
        store.RecordUse([imageId]);
    }

    /// <summary>Has removed an image from the engine and not forgotten it yet when the test kills it.</summary>
    private static void PruneAndHang(ImageUseStore store) =>
        store.PruneAsync([], (image, _) =>
        {
            Console.WriteLine($"removing {image.ImageId}");
            Console.ReadLine();
            return Task.CompletedTask;
        }, TimeSpan.Zero, CancellationToken.None).Wait();

    private sealed class Library(nint handle) : Raw.IGetFunctionPointer
    {
        public nint GetFunctionPointer(string name) => NativeLibrary.TryGetExport(handle, name, out var f) ? f : 0;
    }

    private sealed class SlowTime : TimeProvider
    {
        private readonly SteppingTime _time = new();

        public bool IsSlow { get; set; }

        public override long TimestampFrequency => _time.TimestampFrequency;

        public override long GetTimestamp() => _time.GetTimestamp();

        public override DateTimeOffset GetUtcNow()
        {
            if (IsSlow)
            {
                IsSlow = false;
                Console.WriteLine("recording");
                Console.ReadLine();
                _time.Pass(RecordsSlowlyFor);
            }

            return _time.GetUtcNow();
        }
    }
}

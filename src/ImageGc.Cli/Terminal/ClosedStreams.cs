using Microsoft.Win32.SafeHandles;

namespace ImageGc.Cli.Terminal;

/// <summary>Replaces standard streams that the caller has closed, such as with `2>&amp;-`.</summary>
internal static class ClosedStreams
{
    /// <summary>Never closed. A finalizer would close them.</summary>
    private static readonly List<SafeFileHandle> Replaced = [];

    /// <summary>
    /// Opens /dev/null instead of each closed stream, so that reading and writing results still fail, and messages go
    /// nowhere. Otherwise .NET aborts when it opens standard error, or uses the free descriptor for another file. Must
    /// come before the console is used.
    /// </summary>
    public static void Replace()
    {
        if (OperatingSystem.IsWindows())
            return;
        for (var stream = 0; stream <= 2; stream++)
        {
            var wrongWay = stream == 1 ? FileAccess.Read : FileAccess.Write;
            // open(2) returns the lowest descriptor that is free.
            var opened = File.OpenHandle("/dev/null", FileMode.Open, wrongWay, FileShare.ReadWrite);
            if (opened.DangerousGetHandle() == stream)
                Replaced.Add(opened);
            else
                opened.Dispose();
        }
    }
}

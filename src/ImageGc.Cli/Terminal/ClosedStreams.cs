using Microsoft.Win32.SafeHandles;

namespace ImageGc.Cli.Terminal;

/// <summary>Replaces standard streams that the caller has closed, such as with `2>&amp;-`.</summary>
internal static class ClosedStreams
{
    /// <summary>Never closed. A finalizer would close them.</summary>
    private static readonly List<SafeFileHandle> Replaced = [];

    /// <summary>
    /// Opens /dev/null in place of each closed stream. Reading input and writing results still fail; messages are
    /// discarded. Otherwise .NET aborts when it opens standard error, or uses the free descriptor for another file.
    /// Call it before the console is used.
    /// </summary>
    public static void Replace()
    {
        if (!File.Exists("/dev/null"))
            return;
        for (var stream = 0; stream <= 2; stream++)
        {
            // Input can then only be written and results only be read, so that using them fails.
            var access = stream == 1 ? FileAccess.Read : FileAccess.Write;
            // open(2) returns the lowest descriptor that is free.
            var opened = File.OpenHandle("/dev/null", FileMode.Open, access, FileShare.ReadWrite);
            if (opened.DangerousGetHandle() == stream)
                Replaced.Add(opened);
            else
                opened.Dispose();
        }
    }
}

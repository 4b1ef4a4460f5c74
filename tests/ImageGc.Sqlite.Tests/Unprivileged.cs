using System.Reflection;
using System.Runtime.InteropServices;

namespace ImageGc.Sqlite.Tests;

/// <summary>
/// This thread, to the file system, as the user nobody: root may do everything. Only for synchronous tests.
/// </summary>
internal sealed partial class Unprivileged : IDisposable
{
    private const uint Nobody = 65534;

    private Unprivileged()
    {
    }

    /// <summary>Becomes nobody, or skips the test where this user may not.</summary>
    public static Unprivileged BecomeOrSkip()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs the right to act as another user.");
        LoadAll();
        _ = SetFileSystemUser(Nobody);
        Assert.Equal((int)Nobody, SetFileSystemUser(Nobody)); // It returns who the thread was before.
        return new Unprivileged();
    }

    public void Dispose() => _ = SetFileSystemUser(0);

    // The tests may lie where only root may read, and an assembly that could not be loaded once fails ever after.
    private static void LoadAll()
    {
        foreach (var path in ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator))
            Assembly.Load(AssemblyName.GetAssemblyName(path));
        SQLitePCL.Batteries_V2.Init();
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);
}

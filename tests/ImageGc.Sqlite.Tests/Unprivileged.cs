using System.Reflection;
using System.Runtime.InteropServices;

namespace ImageGc.Sqlite.Tests;

/// <summary>
/// Lets this thread access files as the user nobody, because root may do everything. For synchronous tests only.
/// </summary>
internal sealed partial class Unprivileged : IDisposable
{
    private const uint Nobody = 65534;

    private Unprivileged()
    {
    }

    /// <summary>Becomes nobody, or skips the test if this user may not.</summary>
    public static Unprivileged BecomeOrSkip()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs the right to act as another user.");
        LoadAll();
        _ = SetFileSystemUser(Nobody);
        Assert.Equal((int)Nobody, SetFileSystemUser(Nobody)); // It returns the previous user.
        return new Unprivileged();
    }

    public void Dispose() => _ = SetFileSystemUser(0);

    // Perhaps only root can read the directory of the tests, and .NET does not retry an assembly that failed to load.
    private static void LoadAll()
    {
        foreach (var path in ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator))
            Assembly.Load(AssemblyName.GetAssemblyName(path));
        SQLitePCL.Batteries_V2.Init();
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);
}

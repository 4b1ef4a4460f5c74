using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>Checks SQLite's native library, and calls the functions of it that SQLitePCL does not offer.</summary>
internal static partial class SqliteLibrary
{
    /// <summary>
    /// Earlier versions can corrupt a database in WAL mode: https://www.sqlite.org/wal.html#walresetbug.
    /// </summary>
    private const int OldestSafe = 3_051_003;
    private const string Name = "e_sqlite3";

    /// <exception cref="ImageUseStoreException">The library cannot be loaded, or is too old to be safe.</exception>
    public static void RequireSafe(string path)
    {
        try
        {
            using var connection = new SqliteConnection(); // Loads the library, unless the host has chosen one.
            if (raw.sqlite3_libversion_number() >= OldestSafe)
                return;
        }
        catch (Exception exception) when (exception is TypeInitializationException or DllNotFoundException
            or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new ImageUseStoreException(StoreErrorReason.Library, path,
                $"Could not open '{path}': SQLite's native library cannot be loaded: "
                + $"{FirstSentenceOf(exception.GetBaseException())}. It belongs beside the program, published for this "
                + "system's runtime identifier; on Linux it needs glibc 2.34 or later, as in Debian 12, Ubuntu 22.04 "
                + "or RHEL 9.",
                exception);
        }

        throw new ImageUseStoreException(StoreErrorReason.Library, path,
            $"Could not open '{path}': SQLite {raw.sqlite3_libversion().utf8_to_string()} is loaded, which can "
            + "corrupt a database in WAL mode. Use SQLite 3.51.3 or later.");
    }

    /// <remarks>The other sentences name tools for developers and all paths that were tried.</remarks>
    private static string FirstSentenceOf(Exception exception) =>
        exception.Message.Split('\n')[0].Split(". ")[0].TrimEnd('.', '\r');

    /// <summary>Returns the `errno` of the last I/O error, or 0 if it is unknown.</summary>
    public static int SystemErrorOf(sqlite3? database) =>
        database is { IsInvalid: false, IsClosed: false } && IsOurs ? SystemError(database) : 0;

    /// <summary>
    /// Returns the descriptor of the database file, which follows three pointers in the `unixFile` of SQLite's own VFS
    /// (os_unix.c). With another VFS it is something else, so the caller must verify it.
    /// </summary>
    public static int? DescriptorOf(sqlite3 database)
    {
        const int filePointer = 7; // SQLITE_FCNTL_FILE_POINTER
        return IsOurs && FileControl(database, "main", filePointer, out var file) == 0 && file != 0
            ? Marshal.ReadInt32(file, 3 * nint.Size)
            : null;
    }

    /// <summary>A host can choose another library, whose handles must not be passed to this one.</summary>
    private static bool IsOurs => OperatingSystem.IsLinux() && raw.GetNativeLibraryName() == Name;

    [LibraryImport(Name, EntryPoint = "sqlite3_system_errno")]
    private static partial int SystemError(SafeHandle database);

    [LibraryImport(Name, EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(SafeHandle database, string name, int operation, out nint answer);
}

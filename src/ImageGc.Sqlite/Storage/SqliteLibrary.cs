using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ImageGc.Sqlite;

/// <summary>The native library, and what SQLitePCL does not offer of it.</summary>
internal static partial class SqliteLibrary
{
    private const int OldestSafe = 3_051_003;
    private const string Name = "e_sqlite3";

    /// <exception cref="ImageUseStoreException">It cannot be loaded, or is too old to be safe.</exception>
    public static void RequireSafe(string path)
    {
        try
        {
            using var connection = new SqliteConnection(); // Chooses the library, unless the host has.
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
            $"Could not open '{path}': SQLite {raw.sqlite3_libversion().utf8_to_string()} is loaded, whose write-ahead "
            + "log can corrupt a database. Reference SQLite 3.51.3 or later.");
    }

    /// <remarks>The others name tools for developers, and each path that was tried.</remarks>
    private static string FirstSentenceOf(Exception exception) =>
        exception.Message.Split('\n')[0].Split(". ")[0].TrimEnd('.', '\r');

    /// <summary>The `errno` behind the last I/O error, 0 if unknown.</summary>
    public static int SystemErrorOf(sqlite3? database) =>
        database is { IsInvalid: false, IsClosed: false } && IsOurs ? SystemError(database) : 0;

    /// <summary>
    /// The descriptor of the database file as SQLite's own VFS has it open (`unixFile` in its os_unix.c), or something
    /// else, which the caller has to find out.
    /// </summary>
    public static int? DescriptorOf(sqlite3 database)
    {
        const int filePointer = 7; // SQLITE_FCNTL_FILE_POINTER
        return IsOurs && FileControl(database, "main", filePointer, out var file) == 0 && file != 0
            ? Marshal.ReadInt32(file, 3 * nint.Size)
            : null;
    }

    /// <summary>A host may have chosen another library, to which none of its handles may be passed.</summary>
    private static bool IsOurs => OperatingSystem.IsLinux() && raw.GetNativeLibraryName() == Name;

    [LibraryImport(Name, EntryPoint = "sqlite3_system_errno")]
    private static partial int SystemError(SafeHandle database);

    [LibraryImport(Name, EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(SafeHandle database, string name, int operation, out nint answer);
}

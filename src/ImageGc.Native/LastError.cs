using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>The message of the last call that failed on this thread.</summary>
internal static unsafe class LastError
{
    /// <remarks>Pinned, so that the host can read it; collected once its thread has ended.</remarks>
    [ThreadStatic]
    private static byte[]? PinnedMessage;

    [ThreadStatic]
    private static byte[]? PinnedPath;

    public static byte* Message => PointerTo(PinnedMessage);

    public static byte* DatabasePath => PointerTo(PinnedPath);

    [SuppressMessage("Design", "CA1031", Justification = "Without memory for the message, the result must do.")]
    public static void Set(Exception exception)
    {
        (PinnedMessage, PinnedPath) = (null, null);
        try
        {
            PinnedMessage = Utf8Text.Pin(MessageOf(exception));
            PinnedPath = exception is ImageUseStoreException failure ? Utf8Text.Pin(failure.DatabasePath) : null;
        }
        catch (Exception)
        {
            // There is not enough memory for the message, so both remain empty.
        }
    }

    private static string MessageOf(Exception exception) => exception switch
    {
        ObjectDisposedException => OpenStores.NotOpen,
        ArgumentException { ParamName: { } parameter } => OnOneLine(
            exception.Message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal)),
        _ => OnOneLine(exception.Message),
    };

    private static string OnOneLine(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).TrimEnd();

    private static byte* PointerTo(byte[]? pinned) => pinned is null
        ? (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference("\0"u8)) // In the library's constants, never moved.
        : (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}

using System.Runtime.InteropServices;
using System.Text;

namespace ImageGc.Native;

/// <summary>Text as it crosses the boundary: UTF-8 that ends with a zero byte.</summary>
internal static unsafe class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <exception cref="ArgumentException">It is NULL or not UTF-8; the message calls it by this name.</exception>
    public static string Read(byte* text, string name)
    {
        if (text is null)
            throw new ArgumentException($"{name} is NULL.");
        try
        {
            return Strict.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
        }
        catch (DecoderFallbackException)
        {
            throw new ArgumentException($"{name} is not valid UTF-8.");
        }
    }

    /// <exception cref="ArgumentException">As <see cref="Read"/>, or it is empty.</exception>
    public static string ReadPath(byte* text, string name)
    {
        var path = Read(text, name);
        return string.IsNullOrWhiteSpace(path) ? throw new ArgumentException($"{name} is empty.") : path;
    }

    /// <exception cref="ArgumentException">As <see cref="Read"/>, of the array or of one in it.</exception>
    public static string[] ReadAll(byte** texts, nuint count, string name)
    {
        if (texts is null && count > 0)
            throw new ArgumentException($"{name} is NULL, but its count is {count}.");
        if (count > (nuint)Array.MaxLength)
            throw new ArgumentException($"The count of {name} is {count}: use {Array.MaxLength} or less.");
        var read = new string[count];
        for (var i = 0; i < read.Length; i++)
            read[i] = Read(texts[i], $"{name}[{i}]");
        return read;
    }

    /// <summary>Returns it with a zero byte at its end.</summary>
    public static byte[] Encode(string text) => Encode(text, pinned: false);

    /// <summary>Returns it with a zero byte at its end, in memory that does not move.</summary>
    public static byte[] Pin(string text) => Encode(text, pinned: true);

    private static byte[] Encode(string text, bool pinned)
    {
        var bytes = GC.AllocateArray<byte>(Encoding.UTF8.GetByteCount(text) + 1, pinned);
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}

using System.Diagnostics.CodeAnalysis;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>Where exceptions become results: one that left an exported function would end the host.</summary>
internal static class Boundary
{
    private const int Ok = 0;
    private const int Misuse = 1;
    private const int Unexpected = 2;
    private const int FirstReason = 16;

    /// <summary>Runs what an exported function does, and returns its imagegc_result.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever it is, it must not leave the function.")]
    public static int Call(Action action)
    {
        try
        {
            action();
            return Ok;
        }
        catch (Exception exception)
        {
            LastError.Set(exception);
            return ResultOf(exception);
        }
    }

    /// <remarks>
    /// A store that another thread closes during a call throws <see cref="ObjectDisposedException"/>.
    /// </remarks>
    private static int ResultOf(Exception exception) => exception switch
    {
        ImageUseStoreException failure => FirstReason + (int)failure.Reason,
        ArgumentException or ObjectDisposedException => Misuse,
        _ => Unexpected,
    };
}

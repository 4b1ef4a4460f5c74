using System.Diagnostics.CodeAnalysis;
using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>Converts exceptions to results: one that leaves an exported function ends the process.</summary>
internal static class Boundary
{
    private const int Ok = 0;
    private const int Misuse = 1;
    private const int Unexpected = 2;
    private const int FirstReason = 16; // .ci/native compares imagegc.h with StoreErrorReason.

    /// <summary>Runs the body of an exported function, and returns its imagegc_result.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "No exception may leave the function.")]
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

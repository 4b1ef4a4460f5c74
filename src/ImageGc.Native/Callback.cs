using ImageGc.Sqlite;

namespace ImageGc.Native;

/// <summary>Calls the host's functions, on this thread and outside any lock.</summary>
internal static unsafe class Callback
{
    /// <summary>Calls an imagegc_remove or imagegc_visit, and returns what it returns.</summary>
    public static int Call(delegate* unmanaged<byte*, long, void*, int> function, ImageUse image, void* context)
    {
        fixed (byte* imageId = Utf8Text.Encode(image.ImageId))
            return function(imageId, image.LastUsedAt.ToUnixTimeSeconds(), context);
    }

    /// <summary>Calls an imagegc_visit for each image until it returns something else than 0.</summary>
    public static void Visit(
        IEnumerable<ImageUse> images, delegate* unmanaged<byte*, long, void*, int> visit, void* context)
    {
        foreach (var image in images)
        {
            if (Call(visit, image, context) != 0)
                return;
        }
    }

    /// <summary>Calls an imagegc_visit_verdict for each verdict until it returns something else than 0.</summary>
    public static void Visit(
        IEnumerable<PruneVerdict> verdicts, delegate* unmanaged<byte*, long, int, long, void*, int> visit,
        void* context)
    {
        foreach (var (image, reason, prunableAt) in verdicts)
        {
            fixed (byte* imageId = Utf8Text.Encode(image.ImageId))
            {
                if (visit(imageId, image.LastUsedAt.ToUnixTimeSeconds(), (int)reason, prunableAt.ToUnixTimeSeconds(),
                    context) != 0)
                    return;
            }
        }
    }
}

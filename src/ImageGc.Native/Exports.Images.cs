using System.Runtime.InteropServices;

namespace ImageGc.Native;

internal static unsafe partial class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "imagegc_record")]
    public static int Record(ulong store, byte** imageIds, nuint count) => Boundary.Call(() =>
        OpenStores.Find(store).RecordUse(Utf8Text.ReadAll(imageIds, count, "image_ids")));

    [UnmanagedCallersOnly(EntryPoint = "imagegc_list")]
    public static int List(ulong store, delegate* unmanaged<byte*, long, void*, int> visit, void* context) =>
        Boundary.Call(() =>
        {
            Require(visit, "visit");
            Callback.Visit(OpenStores.Find(store).List(), visit, context);
        });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_find")]
    public static int Find(ulong store, byte* imageId, int* found, long* lastUsedAt) => Boundary.Call(() =>
    {
        Require(found, "found");
        *found = 0;
        if (lastUsedAt is not null)
            *lastUsedAt = 0;
        if (OpenStores.Find(store).Find(Utf8Text.Read(imageId, "image_id")) is not { } image)
            return;

        *found = 1;
        if (lastUsedAt is not null)
            *lastUsedAt = image.LastUsedAt.ToUnixTimeSeconds();
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_forget")]
    public static int Forget(ulong store, byte* imageId, int* forgotten) => Boundary.Call(() =>
    {
        if (forgotten is not null)
            *forgotten = 0;
        var wasTracked = OpenStores.Find(store).Forget(Utf8Text.Read(imageId, "image_id"));
        if (forgotten is not null)
            *forgotten = wasTracked ? 1 : 0;
    });

    [UnmanagedCallersOnly(EntryPoint = "imagegc_correct_times")]
    public static int CorrectTimes(ulong store) => Boundary.Call(() => OpenStores.Find(store).CorrectTimes());
}

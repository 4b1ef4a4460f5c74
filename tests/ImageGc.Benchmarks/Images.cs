using System.Buffers.Binary;

namespace ImageGc.Benchmarks;

/// <summary>The images of a benchmark: the same ones in every run, aged evenly from now to 100 days.</summary>
internal static class Images
{
    private const long Span = 100L * 24 * 60 * 60;

    public static string Id(long image)
    {
        Span<byte> bytes = stackalloc byte[32];
        for (var i = 0; i < 4; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(8 * i)..], Mix((ulong)((image * 4) + i)));
        return "sha256:" + Convert.ToHexStringLower(bytes);
    }

    /// <summary>When the image was last used; the higher its number, the longer ago.</summary>
    public static long LastUsedAt(long image, long images) =>
        BenchmarkTime.Start.ToUnixTimeSeconds() - Age(image, images);

    /// <summary>The threshold with which this share of the images expires, at least one.</summary>
    public static TimeSpan Threshold(long images, double share) =>
        TimeSpan.FromSeconds(Age(images - Expired(images, share), images));

    public static long Expired(long images, double share) => Math.Max(1, (long)(images * share));

    /// <summary>The youngest images; if too few of them stay, also images that were never recorded.</summary>
    public static string[] InUse(long images, double expiredShare, int count)
    {
        var kept = images - Expired(images, expiredShare);
        return [.. Enumerable.Range(0, count).Select(image => Id(image < kept ? image : images + image))];
    }

    /// <summary>Images in random order, the same in every run.</summary>
    public static string[] Shuffled(long images, int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => Id(random.NextInt64(images)))];
    }

    private static long Age(long image, long images) => image * Span / images;

    /// <summary>SplitMix64, https://prng.di.unimi.it/splitmix64.c.</summary>
    private static ulong Mix(ulong number)
    {
        var mixed = (number + 1) * 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
}

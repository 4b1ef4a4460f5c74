namespace ImageGc.Faults.Tests.PowerCut;

/// <summary>A disk image that a power cut could leave, and what had been acknowledged by then.</summary>
/// <param name="Where">The seed, the point and the variant, which reproduce the disk image.</param>
/// <param name="Acknowledged">The number of the newest state that a call had acknowledged.</param>
/// <param name="Latest">The number of the newest state that a call had begun to write.</param>
internal sealed record Cut(string Where, int Point, int Acknowledged, int Latest, DiskImage Image);

/// <summary>Cuts the power at every point of a recording.</summary>
/// <param name="imagesPerPoint">The most disk images of one point: the four extremes, then random ones.</param>
/// <param name="destroysSectors">Whether a sector that is being written is destroyed.</param>
/// <param name="from">The first point to cut at.</param>
internal sealed class PowerCuts(
    Recording recording, int imagesPerPoint, bool destroysSectors = false, int from = 0, int seed = 1)
{
    private static readonly int[] SectorSizes = [512, 4096];

    public IEnumerable<Cut> All()
    {
        var disk = new SimulatedDisk(seed);
        var (acknowledged, latest, call) = (0, 0, "");
        for (var point = 0; point < recording.Happenings.Count; point++)
        {
            var happening = recording.Happenings[point];
            if (happening is Happening.Began began)
                (latest, call) = (began.Latest, began.Call);
            if (happening is Happening.Acknowledged promise)
                acknowledged = promise.State;
            if (!disk.Follow(happening) || point < from)
                continue;

            var variants = disk.HasUnsynced ? imagesPerPoint : 1;
            for (var variant = 0; variant < variants; variant++)
            {
                var where = $"seed {seed}, point {point}, variant {variant}: after {happening} in '{call}'";
                yield return new Cut(where, point, acknowledged, latest, ImageOf(disk, point, variant));
            }
        }
    }

    private DiskImage ImageOf(SimulatedDisk disk, int point, int variant)
    {
        var random = new Random((((seed * 100_003) + point) * 1_009) + variant);
        var names = variant < 4 ? disk.Names(() => (variant & 1) != 0) : disk.Names(() => random.Next(2) == 0);
        var sectorSize = SectorSizes[random.Next(SectorSizes.Length)];
        var image = new DiskImage([]);
        foreach (var (name, file) in names.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            image.Files[name] = ContentOf(file, variant, sectorSize, random);

        var unsynced = names.Where(pair => pair.Value.HasUnsynced).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .ToList();
        if (destroysSectors && unsynced.Count > 0)
        {
            var (name, file) = unsynced[random.Next(unsynced.Count)];
            image.Files[name] = [.. image.Files[name]];
            file.DestroySector(image.Files[name], sectorSize, random);
        }

        return image;
    }

    private static byte[] ContentOf(DiskFile file, int variant, int sectorSize, Random random) => variant switch
    {
        0 or 1 => file.Lost(),
        2 or 3 => file.All(),
        _ => random.Next(6) switch
        {
            0 => file.Lost(),
            1 => file.All(),
            _ => file.Some(sectorSize, random),
        },
    };
}

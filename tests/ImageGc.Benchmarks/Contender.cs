using System.Diagnostics;

namespace ImageGc.Benchmarks;

/// <summary>One system with a number of images, and what its operations took.</summary>
/// <param name="name">As in the report.</param>
/// <param name="images">How many it tracks.</param>
/// <param name="operate">The operation; receives the number of operations before it.</param>
internal sealed class Contender(string name, long images, Action<int> operate)
{
    private static readonly TimeSpan BlockTime = TimeSpan.FromMilliseconds(10);
    private const long MuchGarbage = 16 << 20;

    private readonly SortedDictionary<int, double[]> _blocks = [];
    private int _done;
    private int _measured;
    private int _next = 1;
    private long _allocated;
    private long _written;

    public string Name { get; } = name;

    public long Images { get; } = images;

    /// <summary>Runs before and after each block, outside the measurement.</summary>
    public Action Before { get; init; } = static () => { };

    public Action After { get; init; } = static () => { };

    public int MostPerBlock { get; init; } = 50;

    /// <summary>The time for everything, including what is not measured.</summary>
    public TimeSpan Spent { get; private set; }

    /// <summary>Microseconds of each operation by round.</summary>
    public IReadOnlyDictionary<int, double[]> Blocks => _blocks;

    /// <summary>Bytes that each operation wrote to the disk, without those of the file system's own journal.</summary>
    public double WrittenPerOperation => (double)_written / Math.Max(1, _measured);

    public double BytesPerOperation => (double)_allocated / Math.Max(1, _measured);

    public double[] Sorted() => [.. _blocks.Values.SelectMany(block => block).Order()];

    public void RunBlock(int round)
    {
        var began = Stopwatch.GetTimestamp();
        Before();
        var block = new double[_next];
        var written = Disk.WrittenBytes();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < block.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            operate(_done++);
            block[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        _written += Disk.WrittenBytes() - written;
        After();
        Keep(round, block, allocated);
        if (allocated > MuchGarbage) // So that the next contender does not pay for it.
            GC.Collect();
        Spent += Stopwatch.GetElapsedTime(began);
    }

    public void Reset()
    {
        _blocks.Clear();
        _measured = 0;
        _allocated = 0;
        _written = 0;
        Spent = TimeSpan.Zero;
    }

    private void Keep(int round, double[] block, long allocated)
    {
        _blocks[round] = block;
        _measured += block.Length;
        _allocated += allocated;
        _next = (int)Math.Clamp(BlockTime.TotalMicroseconds * block.Length / block.Sum(), 1, MostPerBlock);
    }
}

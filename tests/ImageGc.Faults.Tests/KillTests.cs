using System.Diagnostics;
using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>Kills several writers of one file, again and again. This proves nothing about power failures.</summary>
public sealed class KillTests
{
    private const int Writers = 3;

    [Fact]
    public async Task Killing_writers_loses_no_acknowledged_record()
    {
        using var directory = ScratchDirectory.New();
        var path = directory.PathOf(Scene.DatabaseName);
        var random = new Random(1);
        var acknowledged = new HashSet<string>();
        var rounds = Effort.Times(20);
        for (var round = 0; round < rounds; round++)
        {
            var writers = Enumerable.Range(0, Writers).Select(writer => Start(path, $"{round}-{writer}")).ToList();
            var images = Task.WhenAll(writers.ConvertAll(writer => ReadUntilKilled(writer, random.Next(1, 200))));
            await Wait.ForAsync(images, "the writers have acknowledged records and died of kill -9");
            acknowledged.UnionWith((await images).SelectMany(imageIds => imageIds));

            using var store = ImageUseStore.Open(new ImageUseStoreOptions { DatabasePath = path });
            Assert.Empty(acknowledged.Except(store.List().Select(image => image.ImageId)));
            Assert.Empty(store.Check().Damage);
        }

        Figures.Add("kill -9",
            $"{rounds} rounds, {rounds * Writers} kills, {acknowledged.Count} acknowledged records, 0 lost");
        Assert.NotEmpty(acknowledged);
    }

    private static Process Start(string path, string name) => Process.Start(new ProcessStartInfo
    {
        // The executable is beside the assembly. The current process may be `dotnet`.
        FileName = Path.ChangeExtension(
            typeof(KillTests).Assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null),
        RedirectStandardOutput = true,
        Environment = { [WriterProcess.PathVariable] = path, [WriterProcess.NameVariable] = name },
    })!;

    /// <summary>Kills the writer after so many acknowledgements.</summary>
    /// <returns>The image IDs that it acknowledged, those in the pipe at its death among them.</returns>
    private static async Task<List<string>> ReadUntilKilled(Process writer, int acknowledgements)
    {
        using (writer)
        {
            var lines = new List<string>();
            while (await writer.StandardOutput.ReadLineAsync() is { } line)
            {
                lines.AddRange(line.Split(' ').SkipLast(1)); // Only a whole line has the last word.
                if (lines.Count >= acknowledgements)
                    writer.Kill();
            }

            await writer.WaitForExitAsync();
            Assert.True(writer.ExitCode != 0, "The writer ended by itself, before it was killed.");
            return lines;
        }
    }
}

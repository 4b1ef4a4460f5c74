using System.Text;
using ImageGc.Faults.Tests.PowerCut;
using ImageGc.Faults.Tests.Workload;
using ImageGc.Sqlite;
using Microsoft.Data.Sqlite;

namespace ImageGc.Faults.Tests;

/// <summary>
/// Storage that is known to lose data. If the simulation found no loss here, its other results would prove nothing.
/// </summary>
public sealed class ControlTests
{
    [Fact]
    public void Ignoring_every_sync_is_detected_as_lost_changes_and_broken_files()
    {
        using var scene = new Scene(ignoresSync: _ => true);
        scene.Run(Workloads.Mixed(rounds: 2, batch: 120));

        var verdict = scene.CutPower("control, no sync works", imagesPerPoint: 10);

        Assert.NotEqual(0, verdict.Behind);
        Assert.NotEqual(0, verdict.Broken);
    }

    [Fact]
    public void Ignoring_the_syncs_of_the_log_is_detected_as_lost_changes()
    {
        using var scene = new Scene(ignoresSync: file => file.EndsWith("-wal", StringComparison.Ordinal));
        scene.Run(Workloads.Mixed(rounds: 2, batch: 120));

        var verdict = scene.CutPower("control, no sync of the log works", imagesPerPoint: 10);

        Assert.NotEqual(0, verdict.Behind);
    }

    [Fact]
    public void Synchronous_off_is_detected_as_lost_changes()
    {
        using var scene = new Scene();
        scene.Run([Operation.Open]);
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = scene.Options.DatabasePath,
            Vfs = scene.Options.Vfs,
            Pooling = false,
        }.ToString());
        connection.Open();
        Execute(connection, "PRAGMA synchronous = OFF");

        for (var i = 0; i < 20; i++)
        {
            var imageId = Workloads.Id(i);
            var state = scene.History.Latest.Recorded(Moment.OfWall(i * 1000), imageId);
            scene.History.Make("raw record", new("", state), () =>
            {
                Execute(connection,
                    $"INSERT INTO image_use (image_id, boot, ran_at) VALUES ('{imageId}', 0, {i * 1000})");
                return "";
            }, scene.Recording);
        }

        Assert.NotEqual(0, scene.CutPower("control, synchronous=OFF", imagesPerPoint: 10).Behind);
    }

    [Fact]
    public void A_flat_file_renamed_without_a_sync_is_detected_as_lost_changes_and_broken_files()
    {
        var verdict = CutPowerOfFlatFile("control, renamed flat file", durable: false);

        Assert.NotEqual(0, verdict.Behind);
        Assert.NotEqual(0, verdict.Broken);
    }

    [Fact]
    public void A_flat_file_that_syncs_itself_and_its_directory_loses_nothing()
    {
        var verdict = CutPowerOfFlatFile("control, durable flat file", durable: true);

        Assert.True(verdict.NothingLost, verdict.Explain());
    }

    private static Verdict CutPowerOfFlatFile(string what, bool durable)
    {
        var recording = new Recording();
        var history = new History();
        for (var i = 0; i < 20; i++)
        {
            var state = history.Latest.Recorded(Moment.OfWall(i * 1000), Workloads.Id(i));
            history.Make("rewrite", new("", state), () => Rewrite(recording, state, durable), recording);
        }

        var verdict = new Judge(ReadFlatFile).Of(new PowerCuts(recording, imagesPerPoint: 10).All(), history);
        Figures.Add(what, verdict.ToString());
        return verdict;
    }

    private static string Rewrite(Recording recording, Rules state, bool durable)
    {
        recording.Opened("new");
        recording.Wrote("new", 0, Encoding.UTF8.GetBytes(State.TextOf(state) + "\n"));
        if (durable)
            recording.Synced("new");
        recording.Renamed("new", "image_use");
        if (durable)
            recording.DirectorySynced();
        return "";
    }

    private static string ReadFlatFile(string directory)
    {
        var path = Path.Combine(directory, "image_use");
        if (!File.Exists(path))
            return State.TextOf(Rules.Empty);

        using var file = File.OpenRead(path);
        return string.Join('\n', FlatFileFormat.Read(file).Select(line => line is { Error: null, Torn: false }
            ? $"{line.ImageId} {line.LastUsedAt}"
            : throw new InvalidDataException(line.Error ?? "torn")));
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

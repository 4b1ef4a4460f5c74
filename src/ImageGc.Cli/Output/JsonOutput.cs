using System.Text.Json.Serialization;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Output;

/// <summary>What `--json` prints. Scripts read these names: add to them, never change one.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(IEnumerable<JsonImage>))]
[JsonSerializable(typeof(IEnumerable<JsonVerdict>))]
[JsonSerializable(typeof(JsonPrune))]
[JsonSerializable(typeof(JsonRecorded))]
[JsonSerializable(typeof(JsonForgotten))]
[JsonSerializable(typeof(JsonExport))]
[JsonSerializable(typeof(FlatFileImport))]
[JsonSerializable(typeof(StoreCheck))]
internal sealed partial class JsonOutput : JsonSerializerContext;

internal sealed record JsonImage(string ImageId, string LastUsedAt)
{
    public static JsonImage Of(ImageUse image) => new(image.ImageId, Moment.Iso(image.LastUsedAt));
}

internal sealed record JsonVerdict(PruneReason Reason, string ImageId, string LastUsedAt, string PrunableAt)
{
    public static JsonVerdict Of(PruneVerdict verdict) => new(
        verdict.Reason, verdict.Image.ImageId, Moment.Iso(verdict.Image.LastUsedAt), Moment.Iso(verdict.PrunableAt));
}

internal sealed record JsonPrune(bool DryRun, FlatFileImport? Import, IEnumerable<JsonVerdict> Images);

internal sealed record JsonRecorded(IEnumerable<string> Recorded);

internal sealed record JsonForgotten(IEnumerable<string> Forgotten, IEnumerable<string> NotTracked);

internal sealed record JsonExport(string Path);

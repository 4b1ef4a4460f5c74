using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using ImageGc.Cli.Output;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Tests;

/// <summary>The README of `imagegc` is complete, and its queries work.</summary>
public sealed partial class CliReadmeTests : CliTest
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "imagegc.md"));

    public static TheoryData<string, Type> Documents => new()
    {
        { "record", typeof(JsonRecorded) },
        { "adopt", typeof(JsonRecorded) },
        { "keep", typeof(JsonKept) },
        { "unkeep", typeof(JsonKept) },
        { "status", typeof(JsonStatus) },
        { "list --untracked", typeof(IEnumerable<JsonUntracked>) },
        { "list", typeof(IEnumerable<JsonImage>) },
        { "explain", typeof(IEnumerable<JsonVerdict>) },
        { "prune", typeof(JsonPrune) },
        { "history", typeof(IEnumerable<JsonRemoved>) },
        { "history --runs", typeof(IEnumerable<JsonRun>) },
        { "forget", typeof(JsonForgotten) },
        { "accept-engine", typeof(JsonEngine) },
        { "import", typeof(FlatFileImport) },
        { "export", typeof(JsonNewFile) },
        { "backup", typeof(JsonNewFile) },
        { "check", typeof(JsonCheck) },
    };

    [Theory]
    [MemberData(nameof(Documents))]
    public void It_shows_the_JSON_of_a_command_with_all_its_names(string command, Type printed)
    {
        var documented = JsonDocument.Parse(JsonBlock.Match(Readme).Groups[1].Value).RootElement.GetProperty(command);

        Assert.Equal(
            Names(printed).Order(),
            Names(documented).Where(name => !name.StartsWith("/settings/", StringComparison.Ordinal))
                .Distinct().Order());
    }

    [Fact]
    public void It_shows_the_JSON_of_every_command_that_prints_any() => Assert.Equal(
        Commands().Except(["run", "completion"]).Order(),
        JsonDocument.Parse(JsonBlock.Match(Readme).Groups[1].Value).RootElement.EnumerateObject()
            .Select(command => command.Name.Split(' ')[0]).Distinct().Order());

    [Fact]
    public void It_explains_every_reason() =>
        Assert.All(Enum.GetNames<Verdict>(), reason =>
            Assert.Contains($"`{reason}`", Readme, StringComparison.Ordinal));

    [Fact]
    public void It_lists_every_command() =>
        Assert.All(Commands(), command => Assert.Matches($@"\n\|[^|]*`{command}`", Readme));

    [Fact]
    public async Task Its_queries_print_what_it_says()
    {
        var sample = Path.Combine(AppContext.BaseDirectory, "data");
        Run("prune", "--import", Path.Combine(sample, "image_use"), "--in-use-file", Path.Combine(sample, "in_use"));
        Time.Now = DateTimeOffset.FromUnixTimeSeconds(42);
        Record(TimeSpan.Zero, $"sha256:000000000001{new string('0', 52)}");
        var queries = Query.Matches(Readme);

        Assert.Equal(5, queries.Count);
        if ((await BuiltProgramTests.Start("command -v sqlite3")).ExitCode != 0)
            Assert.Skip("There is no sqlite3 on this machine.");
        foreach (Match query in queries)
        {
            var (_, output, error) = await BuiltProgramTests.Start(
                $"cd '{Path.GetDirectoryName(DatabasePath)}' && {query.Groups[1].Value}");

            Assert.Equal((query.Groups[2].Value, ""), (output, error));
        }
    }

    /// <summary>The names in a document, each with those above it.</summary>
    private static IEnumerable<string> Names(JsonElement element, string path = "") => element.ValueKind switch
    {
        JsonValueKind.Array => element.EnumerateArray().SelectMany(item => Names(item, path)),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(
            property => Names(property.Value, $"{path}/{property.Name}").Prepend($"{path}/{property.Name}")),
        _ => [],
    };

    private static IEnumerable<string> Names(Type type, string path = "")
    {
        var json = JsonOutput.Default.GetTypeInfo(type);
        return json?.Kind switch
        {
            JsonTypeInfoKind.Enumerable => Names(json.ElementType!, path),
            JsonTypeInfoKind.Object => json.Properties.SelectMany(
                property => Names(property.PropertyType, $"{path}/{property.Name}").Prepend($"{path}/{property.Name}")),
            _ => [],
        };
    }

    [GeneratedRegex("```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex JsonBlock { get; }

    [GeneratedRegex("```sh\n(sqlite3 .*?)\n```\n```\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Query { get; }
}

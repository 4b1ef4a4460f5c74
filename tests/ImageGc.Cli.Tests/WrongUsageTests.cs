using System.Text.Json;
using ImageGc.Cli.Pruning;
using ImageGc.Docker.Tests;

namespace ImageGc.Cli.Tests;

/// <summary>Mistakes of operators, and the message for each.</summary>
public sealed class WrongUsageTests : CliTest
{
    private const string DurationForms = "use a whole number and a unit: 30s, 90m, 12h, 7d or 3w, or just 0.";
    private const string TimeForms = "use HH:MM, from 00:00 to 23:59.";
    private const string ThresholdForms = "use a percentage used, such as 85%, or a size to keep free, such as 2GB.";
    private const string AddressForms = "use unix:///path or tcp://host:port.";
    private const string NotAsTracked = "has another form than the tracked IDs, so it would protect no image, and an "
        + "image in use could expire. Nothing was changed. Give the full image IDs of all containers";
    private const string NoDatabase = "imagegc: The database '{dir}/missing' does not exist. Name another with --db";
    private const string NoSqlite = "imagegc: Could not open '{dir}/text': it is not a SQLite database, or its first "
        + "bytes are damaged. Use another database path, or move the file aside; it was left untouched.";
    private const string DirectoryToRead = "imagegc: Could not use '{dir}': '{dir}' is a directory. Name a file";
    private const string DirectoryToWrite = "imagegc: Could not use '{dir}': it is a directory. Name a file in it.";
    private const string ExistsAlready =
        "The file exists already and is never overwritten. Choose another file name";
    private const string OfTheDatabase = "belongs to the database. Nothing was changed. Name another file.";
    private const string NoSocket = "imagegc: The engine at unix:///nowhere.sock could not";
    private const string StartDocker = "nothing listens there. Start Docker, or set another address.";
    private const string NotKnownToDocker =
        "has no image 'registry/ap:1.4'. Nothing was changed. Did you mean 'registry/app:1.4'?";
    private const string SayThatNothingIs = "If no image is in use, use --nothing-in-use.";

    private static readonly string[] WordsForProgrammers =
    [
        "   at ", "Exception", "Parameter '", "(Parameter", "IConfiguration", "System.", "ImageGc.Hosting", "nameof",
    ];

    private readonly FakeDocker29 _docker = new();

    public WrongUsageTests()
    {
        Variables["IMAGEGC_DB"] = DatabasePath;
        Record(TimeSpan.FromDays(30), Id(1), Id(2), Id(3));
        Describe(Id(1), 1000, "registry/app:1.4");
        Describe(Id(2), 2000, "registry/agent:2.0");
        Describe(Id(3), 3000, "nginx:1.27");
        _docker.AddImage("registry/app:1.4");
        FileOf("This is no database.", "text");
        FileOf("", "empty");
        FileOf("# docker ps found nothing\n\n", "comments");
        FileOf("registry/app:1.4\n", "names");
        File.WriteAllBytes(PathOf("binary"), [0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe, 0x00, 0x0a, 0xff]);
        FileOf("""{ "Logging": {}, "ImageGarbageColection": {} }""", "no-section.json");
        FileOf("""{ "ImageGarbageCollection": { "KeepImage": "registry/app:1.4" } }""", "unknown.json");
        FileOf("""{ "ImageGarbageCollection": { "KeepNewest": "two" } }""", "value.json");
        FileOf("""{ "ImageGarbageCollection": {}, "Logging": { "LogLevel": { "Default": "Loud" } } }""", "level.json");
    }

    public static TheoryData<string, int, string> WrongCommandLines => new()
    {
        { "record --as-is x --db :memory:", ExitCode.Failed, "The database ':memory:' is not a file on a disk." },
        { "list --db {dir}/empty", ExitCode.Failed, "there is no database in it yet. Check the path" },
        { "status --config {dir}", ExitCode.Failed, "'{dir}' is a directory. Name the configuration file in it." },
        { "status --config {dir}/empty", ExitCode.Failed, "is empty. It needs the section 'ImageGarbageCollection'." },
        { "status --config {dir}/text", ExitCode.Failed, "'{dir}/text' is not valid JSON: see line 1, column 1." },
        { "explain --engine tcp://", ExitCode.Usage, $"--engine is 'tcp://': {AddressForms}" },
        { "run --once --keep-label =x", ExitCode.Usage, "--keep-label has an entry that names no label" },
        { "run --once --low-threshold 80%", ExitCode.Usage, "--low-threshold is 80%, but HighThreshold is not set" },
        { "run --once --high-threshold 80% --low-threshold 85%", ExitCode.Usage, "full than --high-threshold, 80%." },
        { "run --once --keep --older-than 3d", ExitCode.Usage, "--keep needs a value. '--older-than' is another" },
        { "history --since 3d", ExitCode.Usage, "imagegc: Unknown option '--since' of 'imagegc history'." },
        { "backup {dir}/nowhere/x", ExitCode.Failed, "The directory '{dir}/nowhere' does not exist. Create it" },
        { "record", ExitCode.Usage, "imagegc: ID is missing. The images that are used now, by name or ID." },
        { "prnue", ExitCode.Usage, "imagegc: 'prnue' was not matched. Did you mean one of the following?\nprune\n" },
        { "images", ExitCode.Usage, "imagegc: Unrecognized command or argument 'images'." },
        { "list --untrackd", ExitCode.Usage, "Did you mean one of the following?\n--untracked\n" },
        { "list --older-than 3d", ExitCode.Usage, "imagegc: Unrecognized command or argument '--older-than'." },
        { "list --db", ExitCode.Usage, "imagegc: Required argument missing for option: '--db'." },
        { "list --db ''", ExitCode.Usage, "imagegc: --db needs the path of a file." },
        { "list --db {db} --db {db}", ExitCode.Usage, "Option '--db' expects a single argument but 2 were provided." },
        { "list --untracked --engine nonsense", ExitCode.Usage, $"--engine is 'nonsense': {AddressForms}" },
        { "check --fix", ExitCode.Usage, "imagegc: Unrecognized command or argument '--fix'." },
        { "status {db}", ExitCode.Usage, "imagegc: Unrecognized command or argument '{db}'." },
        { "explain --older-than 3days", ExitCode.Usage, $"imagegc: '3days' is not a duration: {DurationForms}" },
        { "explain --older-than -3d", ExitCode.Usage, $"imagegc: '-3d' is not a duration: {DurationForms}" },
        { "explain --older-than ''", ExitCode.Usage, $"imagegc: '' is not a duration: {DurationForms}" },
        { "explain --engine ''", ExitCode.Usage, "imagegc: --engine needs a value." },
        { "explain --config ''", ExitCode.Usage, "imagegc: --config needs the path of a file." },
        { "explain --engine tcp://localhost:99999", ExitCode.Usage, AddressForms },
        { "explain --engine ssh://host", ExitCode.Usage, AddressForms },
        { "history nginx:1.27 --runs", ExitCode.Usage, "--runs and IMAGE cannot be combined." },
        { "keep 'two words'", ExitCode.Usage, "is not an image ID: it contains white space or a control" },
        { "keep --remove nginx:1.27", ExitCode.Usage, "imagegc: Unknown option '--remove' of 'imagegc keep'." },
        { "unkeep ''", ExitCode.Usage, "imagegc: '' is not an image ID: it is empty." },
        { "adopt", ExitCode.Usage, "imagegc: No image is named. Name one or more, or use --all." },
        { "adopt nginx --all", ExitCode.Usage, "imagegc: --all and image names cannot be combined." },
        { "run --onec", ExitCode.Usage, "Did you mean one of the following?\n--once\n" },
        { "run --once --cleanup-time 3am", ExitCode.Usage, $"imagegc: --cleanup-time is '3am': {TimeForms}" },
        { "run --once --cleanup-time 24:00", ExitCode.Usage, $"imagegc: --cleanup-time is '24:00': {TimeForms}" },
        { "run --once --every 36h", ExitCode.Usage, "imagegc: --every is 36h: use whole days, at least 1d." },
        { "run --once --min-age 3", ExitCode.Usage, $"imagegc: --min-age is '3': {DurationForms}" },
        { "run --once --check-every 1s", ExitCode.Usage, "imagegc: --check-every is 1s: use 10s to 1d." },
        { "run --once --keep-newest -1", ExitCode.Usage, "--keep-newest is '-1': use a whole number, 0 or more." },
        { "run --once --high-threshold 120%", ExitCode.Usage, $"--high-threshold is '120%': {ThresholdForms}" },
        { "run --once --high-threshold 0%", ExitCode.Usage, "--high-threshold is 0%: use 1% to 100%, or 1B or more." },
        { "run --once --keep ''", ExitCode.Usage, "imagegc: --keep needs a value." },
        { "run --once --owner-label =edge", ExitCode.Usage, "imagegc: --owner-label names no label: use name or" },
        { "prune", ExitCode.Usage, $"Give --in-use ID... or --in-use-file FILE. {SayThatNothingIs}" },
        { "prune --in-use --older-than 0", ExitCode.Usage, $"--in-use names no image. {SayThatNothingIs}" },
        { "prune --in-use ''", ExitCode.Usage, "imagegc: '' is not an image ID: it is empty." },
        { "prune --in-use-file ''", ExitCode.Usage, "imagegc: --in-use-file needs the path of a file." },
        {
            "prune --nothing-in-use --in-use-file /dev/null", ExitCode.Usage,
            "imagegc: --nothing-in-use and a list of images in use cannot be combined. Leave out one of them."
        },
        {
            "prune --nothing-in-use --dry-run --import {dir}/names", ExitCode.Usage,
            "--dry-run and --import cannot be combined. Run 'imagegc import FILE' first."
        },
        { "prune --nothing-in-use --run ''", ExitCode.Usage, "imagegc: The command '' is empty." },
        {
            "prune --nothing-in-use --run 'rmi-it {}'", ExitCode.Usage,
            "cannot be run: the program 'rmi-it' was not found."
        },
        {
            "prune --nothing-in-use --run 'docker rmi'", ExitCode.Usage,
            "The command 'docker rmi' has no {}: write {} where the image ID belongs."
        },
        {
            "prune --nothing-in-use --run 'docker rmi {} | cat'", ExitCode.Usage,
            "is not run by a shell, so | has no effect: quote it, or write a script."
        },
        { "import ''", ExitCode.Usage, "imagegc: FILE needs the path of a file." },
        { "export {dir}/a {dir}/b", ExitCode.Usage, "imagegc: Unrecognized command or argument '{dir}/b'." },
        { "completion fish", ExitCode.Usage, "Argument 'fish' not recognized. Must be one of:\n'bash'\n'zsh'\n" },
        { "list --db {dir}/missing", ExitCode.Failed, NoDatabase },
        { "keep nginx:1.27 --db {dir}/missing", ExitCode.Failed, NoDatabase },
        { "prune --nothing-in-use --db {dir}/missing", ExitCode.Failed, NoDatabase },
        { "check --db {dir}", ExitCode.Failed, DirectoryToRead },
        { "run --once --db {dir} --engine {docker}", ExitCode.Failed, DirectoryToWrite },
        { "list --db {dir}/text", ExitCode.Failed, NoSqlite },
        { "forget nginx:1.27 --db {dir}/text", ExitCode.Failed, NoSqlite },
        {
            "record --as-is a --db {dir}/none/use.db", ExitCode.Failed,
            "Could not use '{dir}/none/use.db': the directory '{dir}/none' does not exist. Create it"
        },
        { "explain --engine unix:///nowhere.sock", ExitCode.Failed, $"{NoSocket} describe itself: the socket does" },
        { "run --once --engine unix:///nowhere.sock", ExitCode.Failed, $"{NoSocket} describe itself: the socket does" },
        { "adopt --all --engine unix:///nowhere.sock", ExitCode.Failed, $"{NoSocket} list the images: the socket" },
        { "accept-engine --engine tcp://127.0.0.1:1", ExitCode.Failed, StartDocker },
        { "list --untracked --engine http://127.0.0.1:1", ExitCode.Failed, StartDocker },
        {
            "record nginx --engine unix:///nowhere.sock", ExitCode.Failed,
            "Nothing was recorded. Without an engine, give full IDs (sha256: and 64 digits), or use --as-is"
        },
        { "adopt registry/ap:1.4 --engine {docker}", ExitCode.Failed, NotKnownToDocker },
        { "record registry/ap:1.4 --engine {docker}", ExitCode.Failed, NotKnownToDocker },
        {
            "status --config {dir}/missing", ExitCode.Failed,
            "imagegc: The configuration file '{dir}/missing' does not exist. Name another with --config FILE."
        },
        {
            "run --once --config {dir}/no-section.json", ExitCode.Failed,
            "'{dir}/no-section.json' has no section 'ImageGarbageCollection', so nothing in it has an effect."
        },
        {
            "status --config {dir}/unknown.json", ExitCode.Failed,
            "ImageGarbageCollection:KeepImage is not a setting; the nearest is KeepImages."
        },
        {
            "explain --config {dir}/value.json", ExitCode.Failed,
            "imagegc: ImageGarbageCollection:KeepNewest is 'two': use a whole number, 0 or more."
        },
        { "explain --config {dir}/level.json", ExitCode.Failed, "imagegc: The section Logging of the settings is not" },
        {
            "history registry/ap:1.4", ExitCode.Failed,
            "The history has no removal of 'registry/ap:1.4'. It is not tracked either. Did you mean "
            + "'registry/app:1.4'? To list the tracked images, run 'imagegc list'."
        },
        { "history 12", ExitCode.Failed, "Give at least 4 digits of an ID." },
        { "unkeep nginx:1.27", ExitCode.Failed, "'nginx:1.27' is not kept. To list what is kept, run 'imagegc keep'." },
        {
            "forget ngnix", ExitCode.Failed,
            "imagegc: 'ngnix' is not tracked. Did you mean 'nginx:1.27'? To list the tracked images, run"
        },
        { "forget 4bcff63911fc", ExitCode.Failed, "'4bcff63911fc' is not tracked. To list the tracked images, run " },
        { "forget sha256:0000", ExitCode.Failed, "'sha256:0000' matches 3 tracked images: " },
        { "explain --in-use nginx:1.27", ExitCode.Failed, $"The ID in use 'nginx:1.27' {NotAsTracked}" },
        { "prune --in-use 4bcff63911fc", ExitCode.Failed, $"The ID in use '4bcff63911fc' {NotAsTracked}" },
        { "prune --in-use-file {dir}/names", ExitCode.Failed, $"The ID in use 'registry/app:1.4' {NotAsTracked}" },
        { "prune --in-use-file {dir}/empty", ExitCode.Failed, SayThatNothingIs },
        { "explain --in-use-file {dir}/comments", ExitCode.Failed, SayThatNothingIs },
        { "prune --in-use-file -", ExitCode.Failed, "No image is listed in standard input, so nothing was changed." },
        { "prune --in-use-file {dir}/missing", ExitCode.Failed, "Nothing was changed. Name a file that this user can" },
        { "prune --in-use-file {dir}", ExitCode.Failed, "'{dir}' is a directory. Nothing was changed. Name a file" },
        { "prune --in-use-file {dir}/binary", ExitCode.Failed, "is not UTF-8, so nothing was changed." },
        {
            "import {dir}/missing", ExitCode.Failed,
            "imagegc: The flat file '{dir}/missing' does not exist. Nothing was created. Check the path."
        },
        { "import {dir}", ExitCode.Failed, "imagegc: '{dir}' is a directory. Name the flat file in it." },
        { "import {dir}/binary", ExitCode.Failed, "'{dir}/binary' is not a flat file: none of its lines (2)" },
        { "import {db}", ExitCode.Failed, $"imagegc: '{{db}}' {OfTheDatabase}" },
        { "export {dir}", ExitCode.Failed, "imagegc: Could not export to '{dir}': It is a directory." },
        { "export {dir}/text", ExitCode.Failed, $"imagegc: Could not export to '{{dir}}/text': {ExistsAlready}" },
        { "export {db}", ExitCode.Failed, $"imagegc: '{{db}}' {OfTheDatabase}" },
        { "backup /dev/null", ExitCode.Failed, $"imagegc: Could not back up to '/dev/null': {ExistsAlready}" },
        { "backup {db}-wal", ExitCode.Failed, $"imagegc: '{{db}}-wal' {OfTheDatabase}" },
        { "run --json", ExitCode.Usage, "'imagegc run' has no JSON output. For a JSON log use --log-format json." },
        { "run --log-format xml", ExitCode.Usage, "--log-format is 'xml': use simple, json or systemd." },
        { "run --metrics-file ''", ExitCode.Usage, "--metrics-file needs the path of a file." },
        { "run --metrics-file {db}", ExitCode.Usage, "--metrics-file is '{db}': use a name that ends in .prom," },
        { "run --once --metrics-file x.prom", ExitCode.Usage, "--metrics-file is for the daemon" },
        { "run --dry-run --metrics-file x.prom", ExitCode.Usage, "--metrics-file is for the daemon" },
        { "completion bash --json", ExitCode.Usage, "'imagegc completion' has no JSON output: it prints a" },
        { "help lst", ExitCode.Usage, "'lst' was not matched." },
    };

    [Theory]
    [MemberData(nameof(WrongCommandLines))]
    public void Wrong_usage_is_answered_in_plain_words_and_changes_nothing(
        string commandLine, int exitCode, string message)
    {
        var before = State();

        var result = RunAnywhere([.. CommandLineSplitter.Split(commandLine).Select(WithPaths)]);

        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(WithPaths(message), result.Error, StringComparison.Ordinal);
        Assert.StartsWith("imagegc: ", result.Error, StringComparison.Ordinal);
        Assert.All(WordsForProgrammers, word => Assert.DoesNotContain(word, result.Error, StringComparison.Ordinal));
        Assert.Empty(result.Output);
        Assert.Equal(before, State());
        Assert.Equal("This is no database.", File.ReadAllText(PathOf("text")));
        Assert.False(File.Exists(PathOf("missing")));
    }

    [Theory]
    [MemberData(nameof(WrongCommandLines))]
    public void With_json_wrong_usage_prints_a_document_or_nothing(string commandLine, int exitCode, string message)
    {
        var result = RunAnywhere(["--json", .. CommandLineSplitter.Split(commandLine).Select(WithPaths)]);

        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(WithPaths(message), result.Error, StringComparison.Ordinal);
        if (result.Output.Length > 0)
            using (JsonDocument.Parse(result.Output))
                Assert.EndsWith("\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_settings_file_can_have_only_what_belongs_beside_the_section()
    {
        var file = FileOf("""{ "logging": {}, "MetricsFile": "x.prom" }""", "beside.json");

        Assert.Equal(ExitCode.Done, Run("list", "--config", file).ExitCode);
    }

    public override void Dispose()
    {
        _docker.Dispose();
        base.Dispose();
    }

    private string State() => Run("list").Output + Run("keep").Output + Run("history").Output;

    private string WithPaths(string text) => text
        .Replace("{db}", DatabasePath, StringComparison.Ordinal)
        .Replace("{dir}", Path.GetDirectoryName(DatabasePath), StringComparison.Ordinal)
        .Replace("{docker}", _docker.Address.ToString(), StringComparison.Ordinal);
}

using System.Text.Encodings.Web;
using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
using ImageGc.Cli.Terminal;
using ImageGc.Hosting;
using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace ImageGc.Cli.Hosting;

/// <summary>The host of `imagegc run`.</summary>
internal static class DaemonHost
{
    /// <param name="context">The context of the command.</param>
    /// <param name="configuration">The settings.</param>
    /// <param name="store">Opens the database; null if the host opens it.</param>
    /// <param name="isQuiet">Whether only warnings are logged, unless the settings ask for more.</param>
    public static IHost Build(
        CommandContext context, IConfigurationRoot configuration, Func<IServiceProvider, ImageUseStore>? store = null,
        bool isQuiet = false)
    {
        // The defaults would read appsettings.json in the current directory.
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddConfiguration(configuration);
        AddLog(builder, configuration);
        if (isQuiet)
            builder.Logging.SetMinimumLevel(LogLevel.Warning);
        if (isQuiet && !configuration.GetSection("Logging").Exists())
            builder.Services.AddSingleton<ILoggerFactory>(new StandardErrorLogger(context.Error));
        builder.Services.AddSingleton(context.Environment.Time);
        if (store is not null)
            builder.Services.AddSingleton(store);
        if (configuration[MetricsFile.Setting] is { Length: > 0 } path)
        {
            if (!MetricsFile.IsAccepted(path))
                throw new CommandFailedException($"{MetricsFile.Setting} is '{path}': {MetricsFile.AcceptedForms}.");
            builder.Services.AddHostedService(
                services => ActivatorUtilities.CreateInstance<MetricsFile>(services, path));
        }

        builder.Services.AddImageGarbageCollection(configuration.GetSection(SettingsFile.Section)).AddDocker();
        return builder.Build();
    }

    public const string LogFormatSetting = "FormatterName";

    public const string AcceptedLogFormats = "use simple, json or systemd";

    public static readonly string[] LogFormats =
        [ConsoleFormatterNames.Simple, ConsoleFormatterNames.Json, ConsoleFormatterNames.Systemd];

    private const string Console = "Logging:Console";

    /// <summary>The setting that `--log-format` sets.</summary>
    public static KeyValuePair<string, string?> LogFormat(string name) => new($"{Console}:{LogFormatSetting}", name);

    /// <summary>Configures the log: lines with times, or under systemd with priorities, or as in `Logging`.</summary>
    private static void AddLog(HostApplicationBuilder builder, IConfiguration configuration)
    {
        var format = configuration[$"{Console}:{LogFormatSetting}"]
            ?? (SystemdHelpers.IsSystemdService() ? ConsoleFormatterNames.Systemd : ConsoleFormatterNames.Simple);
        format = format.ToLowerInvariant();
        if (!LogFormats.Contains(format))
            throw new CommandFailedException($"{Console}:FormatterName is '{format}': {AcceptedLogFormats}.");
        var isUtc = !bool.TryParse(configuration[$"{Console}:FormatterOptions:UseUtcTimestamp"], out var utc) || utc;
        var time = isUtc ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:sszzz";
        // Everything goes to standard error: standard output is for results.
        var defaults = new Dictionary<string, string?>
        {
            [$"{Console}:LogToStandardErrorThreshold"] = nameof(LogLevel.Trace),
            [$"{Console}:FormatterOptions:SingleLine"] = "true",
            [$"{Console}:FormatterOptions:ColorBehavior"] = nameof(LoggerColorBehavior.Disabled),
            [$"{Console}:FormatterOptions:UseUtcTimestamp"] = "true",
            [$"{Console}:FormatterOptions:TimestampFormat"] = format switch
            {
                ConsoleFormatterNames.Json => time,
                ConsoleFormatterNames.Simple => $"{time} ",
                _ => null, // The journal adds its own times.
            },
        };
        builder.Logging.AddConfiguration(new ConfigurationBuilder()
            .AddInMemoryCollection(defaults).AddConfiguration(configuration).Build().GetSection("Logging"));
        builder.Logging.AddConsole();
        builder.Services.AddSystemd(); // Reports readiness to systemd, if it started the program.
        if (SystemdHelpers.IsSystemdService())
            builder.Services.AddSingleton<IProgress<HostStatus>, SystemdStatus>();
        // By default .NET escapes JSON for HTML, which makes a log hard to read.
        builder.Services.Configure<JsonConsoleFormatterOptions>(options => options.JsonWriterOptions =
            options.JsonWriterOptions with { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        builder.Services.Configure<ConsoleLoggerOptions>(options => options.FormatterName = format);
        // The host would log a failed start with a stack trace. The command reports it in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning); // It repeats our messages.
        builder.Services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);
    }
}

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
    /// <param name="context">Of the command.</param>
    /// <param name="configuration">With the section of that name.</param>
    /// <param name="store">Opens the database instead of the host.</param>
    /// <param name="isQuiet">Whether only warnings are logged, unless the settings ask for more.</param>
    public static IHost Build(
        CommandContext context, IConfigurationRoot configuration, Func<IServiceProvider, ImageUseStore>? store = null,
        bool isQuiet = false)
    {
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

    /// <summary>The setting of the log's form that `--log-format` stands for.</summary>
    public static KeyValuePair<string, string?> LogFormat(string name) => new($"{Console}:{LogFormatSetting}", name);

    /// <summary>Lines for people with times, for systemd with the journal's levels; or what `Logging` says.</summary>
    private static void AddLog(HostApplicationBuilder builder, IConfiguration configuration)
    {
        var format = configuration[$"{Console}:{LogFormatSetting}"]
            ?? (SystemdHelpers.IsSystemdService() ? ConsoleFormatterNames.Systemd : ConsoleFormatterNames.Simple);
        format = format.ToLowerInvariant();
        if (!LogFormats.Contains(format))
            throw new CommandFailedException($"{Console}:FormatterName is '{format}': {AcceptedLogFormats}.");
        var isUtc = !bool.TryParse(configuration[$"{Console}:FormatterOptions:UseUtcTimestamp"], out var utc) || utc;
        var time = isUtc ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:sszzz";
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
                _ => null, // The journal has its own.
            },
        };
        builder.Logging.AddConfiguration(new ConfigurationBuilder()
            .AddInMemoryCollection(defaults).AddConfiguration(configuration).Build().GetSection("Logging"));
        builder.Logging.AddConsole();
        builder.Services.AddSystemd(); // Under systemd only: readiness and SIGTERM.
        if (SystemdHelpers.IsSystemdService())
            builder.Services.AddSingleton<IProgress<HostStatus>, SystemdStatus>();
        // .NET escapes JSON for use in HTML, which makes a log hard to read.
        builder.Services.Configure<JsonConsoleFormatterOptions>(options => options.JsonWriterOptions =
            options.JsonWriterOptions with { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        builder.Services.Configure<ConsoleLoggerOptions>(options => options.FormatterName = format);
        // The host would log a failure to start with its stack trace; the command says it in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning); // Under systemd it says what we say.
        builder.Services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);
    }
}

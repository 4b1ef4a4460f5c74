using ImageGc.Cli.Execution;
using ImageGc.Cli.Input;
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
        builder.Services.AddSingleton(context.Environment.Time);
        if (store is not null)
            builder.Services.AddSingleton(store);
        builder.Services.AddImageGarbageCollection(configuration.GetSection(SettingsFile.Section)).AddDocker();
        return builder.Build();
    }

    /// <summary>Lines for people with times, for systemd with the journal's levels; or what `Logging` says.</summary>
    private static void AddLog(HostApplicationBuilder builder, IConfiguration configuration)
    {
        const string console = "Logging:Console";
        var format = configuration[$"{console}:FormatterName"]
            ?? (SystemdHelpers.IsSystemdService() ? ConsoleFormatterNames.Systemd : ConsoleFormatterNames.Simple);
        format = format.ToLowerInvariant();
        if (format is not (ConsoleFormatterNames.Simple or ConsoleFormatterNames.Json or ConsoleFormatterNames.Systemd))
            throw new CommandFailedException($"{console}:FormatterName is '{format}': use simple, json or systemd.");
        var isUtc = !bool.TryParse(configuration[$"{console}:FormatterOptions:UseUtcTimestamp"], out var utc) || utc;
        var time = isUtc ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:sszzz";
        var defaults = new Dictionary<string, string?>
        {
            [$"{console}:LogToStandardErrorThreshold"] = nameof(LogLevel.Trace),
            [$"{console}:FormatterOptions:SingleLine"] = "true",
            [$"{console}:FormatterOptions:UseUtcTimestamp"] = "true",
            [$"{console}:FormatterOptions:TimestampFormat"] = format switch
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
        builder.Services.Configure<ConsoleLoggerOptions>(options => options.FormatterName = format);
        // The host would log a failure to start with its stack trace; the command says it in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);
    }
}

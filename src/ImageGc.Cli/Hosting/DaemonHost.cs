using ImageGc.Cli.Execution;
using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace ImageGc.Cli.Hosting;

/// <summary>The host of `imagegc run`.</summary>
internal static class DaemonHost
{
    public const string Section = "ImageGarbageCollection";

    /// <param name="context">Of the command.</param>
    /// <param name="configuration">With the section of that name.</param>
    /// <param name="store">Opens the database instead of the host.</param>
    public static IHost Build(
        CommandContext context, IConfigurationRoot configuration, Func<IServiceProvider, ImageUseStore>? store = null)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddConfiguration(configuration);
        builder.Logging.AddConfiguration(configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<ConsoleLoggerOptions>(
            console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSystemd(); // Under systemd only: readiness, SIGTERM and the journal's levels.
        builder.Services.AddSingleton(context.Environment.Time);
        if (store is not null)
            builder.Services.AddSingleton(store);
        builder.Services.AddImageGarbageCollection(configuration.GetSection(Section)).AddDocker();
        return builder.Build();
    }
}

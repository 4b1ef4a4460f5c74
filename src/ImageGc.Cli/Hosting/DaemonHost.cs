using ImageGc.Cli.Execution;
using ImageGc.Docker;
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

    public static IHost Build(CommandContext context, IConfigurationRoot configuration)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddConfiguration(configuration);
        builder.Logging.AddConfiguration(configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<ConsoleLoggerOptions>(
            console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSystemd(); // Under systemd only: readiness, SIGTERM and the journal's levels.
        builder.Services.AddSingleton(context.Environment.Time);
        builder.Services.AddImageGarbageCollection(configuration.GetSection(Section));
        return builder.Build();
    }
}

using System.Text.Json;
using ImageGc.Cli.Execution;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.FileProviders.Physical;

namespace ImageGc.Cli.Input;

/// <summary>The JSON file with the settings of the daemon.</summary>
internal static class SettingsFile
{
    public const string Section = "ImageGarbageCollection";

    /// <summary>What a file can have beside the section, or alone.</summary>
    private static readonly string[] Others = ["Logging", "MetricsFile"];

    /// <exception cref="CommandFailedException">The file cannot be read, or has no settings.</exception>
    public static IConfigurationRoot Read(string file)
    {
        var path = Path.GetFullPath(file);
        if (Directory.Exists(path))
            throw new CommandFailedException($"'{path}' is a directory. Name the configuration file in it.");
        if (!File.Exists(path))
            throw new CommandFailedException(
                $"The configuration file '{path}' does not exist. Name another with --config FILE.");
        try
        {
            // The default provider does not find a file whose name starts with a dot.
            using var directory = new PhysicalFileProvider(Path.GetDirectoryName(path)!, ExclusionFilters.None);
            var configuration = new ConfigurationBuilder()
                .AddJsonFile(directory, Path.GetFileName(path), optional: false, reloadOnChange: false).Build();
            var sections = configuration.GetChildren().Select(child => child.Key).ToList();
            return sections.Contains(Section, StringComparer.OrdinalIgnoreCase)
                || (sections.Count > 0 && !sections.Except(Others, StringComparer.OrdinalIgnoreCase).Any())
                ? configuration
                : throw new CommandFailedException(
                    $"'{path}' has no section '{Section}', so nothing in it has an effect. Add the section.");
        }
        catch (Exception wrong) when (wrong is InvalidDataException or FormatException)
        {
            // An empty file is invalid JSON too, but its position would not help.
            throw new CommandFailedException(new FileInfo(path).Length == 0
                ? $"'{path}' is empty. It needs the section '{Section}'."
                : wrong.GetBaseException() is JsonException { LineNumber: { } line, BytePositionInLine: { } column }
                    ? $"'{path}' is not valid JSON: see line {line + 1}, column {column + 1}."
                    : $"'{path}' cannot be read. {wrong.GetBaseException().Message}");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new CommandFailedException(
                $"{exception.Message} Run the command with sudo, or name another file with --config FILE.");
        }
    }
}

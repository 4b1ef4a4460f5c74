using System.Text.Json;
using ImageGc.Cli.Execution;
using Microsoft.Extensions.Configuration;

namespace ImageGc.Cli.Input;

/// <summary>A JSON file with the settings of `imagegc run`.</summary>
internal static class SettingsFile
{
    public const string Section = "ImageGarbageCollection";

    /// <exception cref="CommandFailedException">It cannot be read, or has no settings.</exception>
    public static IConfigurationRoot Read(string file)
    {
        var path = Path.GetFullPath(file);
        if (Directory.Exists(path))
            throw new CommandFailedException($"'{path}' is a directory. Name the configuration file in it.");
        if (!File.Exists(path))
            throw new CommandFailedException($"There is no configuration file '{path}'. Name one with --config FILE.");
        try
        {
            var configuration = new ConfigurationBuilder().AddJsonFile(path, optional: false).Build();
            return configuration.GetChildren().Any(section => section.Key == Section)
                ? configuration
                : throw new CommandFailedException(
                    $"'{path}' has no section '{Section}', so none of its settings would count.");
        }
        catch (Exception wrong) when (wrong is InvalidDataException or FormatException)
        {
            throw new CommandFailedException(new FileInfo(path).Length == 0
                ? $"'{path}' is empty: it needs the section '{Section}'."
                : wrong.GetBaseException() is JsonException { LineNumber: { } line, BytePositionInLine: { } column }
                    ? $"'{path}' is not valid JSON: see line {line + 1}, column {column + 1}."
                    : $"'{path}' cannot be read. {wrong.GetBaseException().Message}");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new CommandFailedException(
                $"{exception.Message} Let this user read it, or name another with --config.");
        }
    }
}

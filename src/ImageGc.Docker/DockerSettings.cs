using ImageGc.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace ImageGc.Docker;

/// <summary>Reads the options from configuration, and finds invalid ones, with which the host does not start.</summary>
internal sealed class DockerSettings(IConfiguration? section)
    : IConfigureOptions<DockerOptions>, IValidateOptions<DockerOptions>
{
    public static readonly string[] Names = [nameof(DockerOptions.EngineAddress), nameof(DockerOptions.EngineTimeout)];

    private const string HostVariable = "DOCKER_HOST";

    /// <summary>`sun_path` has 108 bytes on Linux, with a zero at the end: unix(7).</summary>
    private const int LongestSocketPath = 107;

    private const string AddressForms = "use unix:///path or tcp://host:port";

    public void Configure(DockerOptions options)
    {
        if (section?[nameof(options.EngineAddress)] is { Length: > 0 } address)
        {
            options.EngineAddress = Uri.TryCreate(address.Trim(), UriKind.Absolute, out var uri)
                ? uri
                : throw Invalid(nameof(options.EngineAddress), address, AddressForms);
        }

        else if (Environment.GetEnvironmentVariable(HostVariable) is { Length: > 0 } host)
        {
            options.EngineAddress = Uri.TryCreate(host, UriKind.Absolute, out var uri)
                ? uri
                : throw new OptionsValidationException(
                    Options.DefaultName, typeof(DockerOptions), [$"{HostVariable} is '{host}': {AddressForms}."]);
        }

        if (section?[nameof(options.EngineTimeout)] is { Length: > 0 } timeout)
        {
            options.EngineTimeout = DurationText.TryParse(timeout.Trim(), out var duration, out _)
                ? duration
                : throw Invalid(nameof(options.EngineTimeout), timeout, DurationText.AcceptedForms);
        }
    }

    public ValidateOptionsResult Validate(string? name, DockerOptions options)
    {
        var address = options.EngineAddress;
        if (!address.IsAbsoluteUri || address.Scheme is not ("unix" or "tcp" or "http")
            || (address.Scheme == "unix" ? address.AbsolutePath.Length < 2 : address.Host.Length == 0))
            return ValidateOptionsResult.Fail($"{Source} is '{WithoutUser(address)}': {AddressForms}.");
        if (address.Scheme == "unix" && address.AbsolutePath.Length > LongestSocketPath)
            return ValidateOptionsResult.Fail(
                $"{Source} is too long: the path of a socket can have at most {LongestSocketPath} characters.");
        if (address.UserInfo.Length > 0) // Docker ignores it, and the log would show the password.
            return ValidateOptionsResult.Fail(
                $"{nameof(options.EngineAddress)} has a user name: leave it out, use tcp://host:port.");
        if (address.Scheme != "unix" && Environment.GetEnvironmentVariable("DOCKER_TLS_VERIFY") is { Length: > 0 })
            return ValidateOptionsResult.Fail(
                $"{nameof(options.EngineAddress)} is '{address}' and DOCKER_TLS_VERIFY is set: TLS is not supported. "
                + "Use the engine's unix socket, forwarded with `ssh -L` from another device, or unset the variable.");
        return options.EngineTimeout <= TimeSpan.Zero || options.EngineTimeout > TimeSpan.FromDays(1)
            ? ValidateOptionsResult.Fail($"{nameof(options.EngineTimeout)} is "
                + $"{DurationText.Format(options.EngineTimeout)}: use more than 0, at most 1d.")
            : ValidateOptionsResult.Success;
    }

    /// <summary>The setting or variable that the address comes from, for messages.</summary>
    private string Source => section?[nameof(DockerOptions.EngineAddress)] is not { Length: > 0 }
        && Environment.GetEnvironmentVariable(HostVariable) is { Length: > 0 }
            ? HostVariable
            : nameof(DockerOptions.EngineAddress);

    /// <summary>Returns the address without a user and password, which the log must not show.</summary>
    private static string WithoutUser(Uri address) =>
        address.IsAbsoluteUri && address.UserInfo.Length > 0
            ? address.ToString().Replace($"{address.UserInfo}@", "", StringComparison.Ordinal)
            : address.OriginalString;

    private OptionsValidationException Invalid(string name, string text, string accepted)
    {
        var path = section is IConfigurationSection { Path: { Length: > 0 } parent }
            ? ConfigurationPath.Combine(parent, name)
            : name;
        return new OptionsValidationException(
            Options.DefaultName, typeof(DockerOptions), [$"{path} is '{text}': {accepted}."]);
    }
}

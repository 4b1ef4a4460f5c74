using ImageGc.Hosting;
using Microsoft.Extensions.Hosting.Systemd;

namespace ImageGc.Cli.Hosting;

/// <summary>Shows in `systemctl status` what the daemon is doing.</summary>
internal sealed class SystemdStatus(ISystemdNotifier systemd) : IProgress<HostStatus>
{
    public void Report(HostStatus value) => systemd.Notify(new ServiceState($"STATUS={value}"));
}

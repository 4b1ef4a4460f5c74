using System.CommandLine;
using ImageGc.Cli.Terminal;

ClosedStreams.Replace();
return ImageGc.Cli.Application.Run(
    args, ConsoleEnvironment.FromCurrentProcess(), new InvocationConfiguration());

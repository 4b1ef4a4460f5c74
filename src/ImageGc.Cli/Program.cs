using System.CommandLine;
using ImageGc.Cli.Terminal;

return ImageGc.Cli.CommandLine.Run(
    args, ConsoleEnvironment.FromCurrentProcess(), new InvocationConfiguration());

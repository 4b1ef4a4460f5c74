using System.CommandLine;
using ImageGc.Cli.Terminal;

return ImageGc.Cli.Application.Run(
    args, ConsoleEnvironment.FromCurrentProcess(), new InvocationConfiguration());

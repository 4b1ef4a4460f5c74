using System.CommandLine;

return ImageGc.Cli.CommandLine.Run(args, ImageGc.Cli.Shell.OfThisProcess(), new InvocationConfiguration());

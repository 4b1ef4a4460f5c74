using System.CommandLine;

using var _ = Console.Out;
return ImageGc.Cli.CommandLine.Run(args, ImageGc.Cli.Shell.OfThisProcess(), new InvocationConfiguration());

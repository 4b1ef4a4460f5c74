using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Image IDs on the command line.</summary>
internal static class ImageIds
{
    public static Argument<string[]> Argument(string description, GlobalOptions global)
    {
        var argument = new Argument<string[]>("ID")
        {
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            HelpName = "ID", // Without it the help names what completes it: every image in the database.
        };
        argument.Validators.Add(RequireValid);
        Complete(argument.CompletionSources, KnownIds.Tracked, global);
        return argument;
    }

    /// <summary>Lets the shell complete what takes IDs by those that are known.</summary>
    public static void Complete(
        ICollection<Func<CompletionContext, IEnumerable<CompletionItem>>> sources,
        Func<ImageUseStore, IEnumerable<string>> known, GlobalOptions global) =>
        sources.Add(context => KnownIds.Read(global.DatabaseOf(context.ParseResult), known)
            .Select(imageId => new CompletionItem(imageId)));

    public static void RequireValid(SymbolResult given)
    {
        foreach (var token in given.Tokens)
        {
            if (WhyNot(token.Value) is { } why)
                given.AddError(why);
        }
    }

    public static string? WhyNot(string imageId)
    {
        try
        {
            ImageId.Require(imageId, parameterName: null);
            return null;
        }
        catch (ArgumentException exception)
        {
            return exception.Message;
        }
    }
}

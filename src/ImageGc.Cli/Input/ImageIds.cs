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
        var argument = new Argument<string[]>("ID") { Description = description, Arity = ArgumentArity.OneOrMore };
        argument.Validators.Add(RequireValid);
        Complete(argument, KnownIds.Tracked, global);
        return argument;
    }

    /// <summary>Lets the shell complete the argument by the IDs that the query finds.</summary>
    public static void Complete(Argument argument, string query, GlobalOptions global) =>
        argument.CompletionSources.Add(context => KnownIds.Read(global.DatabaseOf(context.ParseResult), query)
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

using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Image IDs on the command line.</summary>
internal static class ImageIdArgument
{
    public static Argument<string[]> Create(string description, GlobalOptions global)
    {
        var argument = new Argument<string[]>("ID")
        {
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            HelpName = "ID", // Otherwise the help lists the completions: every image in the database.
        };
        argument.Validators.Add(Validate);
        AddCompletions(argument.CompletionSources, ImageIdCompletions.TrackedOrNamed, global);
        return argument;
    }

    /// <summary>Creates the optional argument that limits a list to the images that match it.</summary>
    public static Argument<string?> CreateFilter(
        Func<ImageUseStore, IEnumerable<string>> known, GlobalOptions global)
    {
        var argument = new Argument<string?>("IMAGE")
        {
            Description = "List only these images: a name, an ID, the first digits of an ID (at least "
                + $"{ImageId.MinPrefixDigits}), or a glob.",
            Arity = ArgumentArity.ZeroOrOne,
            HelpName = "IMAGE",
        };
        argument.Validators.Add(Validate);
        AddCompletions(argument.CompletionSources, known, global);
        return argument;
    }

    /// <summary>Offers known image IDs as completions of the value.</summary>
    public static void AddCompletions(
        ICollection<Func<CompletionContext, IEnumerable<CompletionItem>>> sources,
        Func<ImageUseStore, IEnumerable<string>> known, GlobalOptions global) =>
        sources.Add(context => ImageIdCompletions.Read(() => global.DatabaseOf(context.ParseResult), known)
            .Select(imageId => new CompletionItem(imageId)));

    public static void Validate(SymbolResult given)
    {
        foreach (var token in given.Tokens)
        {
            if (DescribeError(token.Value) is { } error)
                given.AddError(error);
        }
    }

    /// <summary>What is wrong with an image ID; null if it is valid.</summary>
    public static string? DescribeError(string imageId)
    {
        try
        {
            ImageId.ThrowIfInvalid(imageId, paramName: null);
            return null;
        }
        catch (ArgumentException exception)
        {
            return exception.Message;
        }
    }
}

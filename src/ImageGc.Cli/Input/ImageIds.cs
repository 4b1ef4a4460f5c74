using System.CommandLine;
using System.CommandLine.Parsing;
using ImageGc.Sqlite;

namespace ImageGc.Cli.Input;

/// <summary>Image IDs on the command line.</summary>
internal static class ImageIds
{
    public static Argument<string[]> Argument(string description)
    {
        var argument = new Argument<string[]>("ID") { Description = description, Arity = ArgumentArity.OneOrMore };
        argument.Validators.Add(RequireValid);
        return argument;
    }

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

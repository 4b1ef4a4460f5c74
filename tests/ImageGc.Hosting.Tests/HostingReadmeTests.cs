using System.Reflection;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting.Tests;

/// <summary>The README of ImageGc.Hosting is complete.</summary>
public sealed class HostingReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hosting.md"));

    [Fact]
    public void It_lists_every_setting() =>
        Assert.All(typeof(ImageGarbageCollectionOptions).GetProperties(), setting =>
            Assert.Contains($"| `{setting.Name}` |", Readme, StringComparison.Ordinal));

    [Fact]
    public void It_lists_every_event()
    {
        var events = typeof(HostingLog).GetMethods(BindingFlags.Static | BindingFlags.Public)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToList();

        Assert.Contains(101, events);
        Assert.All(events, number => Assert.Matches($@"\n\| ([0-9]+, )*{number}[ ,]", Readme));
    }
}

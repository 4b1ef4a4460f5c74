namespace ImageGc.Sqlite.Tests;

public sealed class ImageIdTests : StoreTest
{
    public static TheoryData<string?> Malformed =>
    [
        (string?)null, "", " ", "   ", "sha256:ab cd", " leading", "trailing ", "new\nline", "carriage\r", "tab\t",
            "nul\0",
        "bell\a", "delete\u007f", "c1\u0085", "no-break\u00a0space", "half\ud83d", "half\ude00",
        new string('a', 513), "'; DROP TABLE image_use; --",
    ];

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_ID_is_an_ArgumentException_and_writes_nothing(string? imageId)
    {
        var store = Open();

        Assert.ThrowsAny<ArgumentException>(() => store.RecordUse(imageId!));
        Assert.ThrowsAny<ArgumentException>(() => store.RecordUse([Id(1), imageId!, Id(2)]));
        Assert.ThrowsAny<ArgumentException>(() => store.Find(imageId!));
        Assert.ThrowsAny<ArgumentException>(() => store.Forget(imageId!));

        Assert.Empty(store.List());
    }

    [Theory]
    [InlineData("test1")]
    [InlineData("sha256:a4d112e0884bd2ba078ab8222e099bc989cc65cd433dfbb74d6de7cee188g4g7")]
    [InlineData("';DROP/**/TABLE/**/image_use;--")]
    [InlineData("[*?]%_")]
    [InlineData("名前:\U0001F600")]
    public void An_ID_is_an_opaque_token(string imageId)
    {
        var store = Open();

        store.RecordUse(imageId);

        Assert.Equal(imageId, Assert.Single(store.List()).ImageId);
    }

    [Theory]
    [InlineData('a')]
    [InlineData('名')]
    public void An_ID_may_have_512_characters(char character)
    {
        var store = Open();
        var longest = new string(character, 512);

        store.RecordUse(longest);

        Assert.NotNull(store.Find(longest));
    }

    [Fact]
    public void The_message_shows_a_malformed_ID_without_its_control_characters()
    {
        var exception = Assert.Throws<ArgumentException>(() => Open().RecordUse("a\nb"));

        Assert.Contains("'a\\u000ab'", exception.Message, StringComparison.Ordinal);
        Assert.Equal("imageId", exception.ParamName);
    }

    [Fact]
    public void The_schema_itself_refuses_what_is_no_image_ID_or_stamp()
    {
        Open();
        foreach (var values in (string[])["'', 1", "'a b', 1", "char(9), 1", "x'00', 1", "'a', -1", "'a', 'x'",
            "'a', 1.5",
            "'a', 253402300800", "NULL, 1", "'a', NULL", "printf('%.*c', 513, 'a'), 1"])
        {
            var exception = Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() =>
                Sqlite.Execute(DatabasePath, $"INSERT INTO image_use (image_id, last_used_at) VALUES ({values})"));
            Assert.Equal(19, exception.SqliteErrorCode);
        }
    }

    [Fact]
    public void The_schema_itself_refuses_control_characters_from_the_first_to_the_last()
    {
        Open();
        foreach (var character in (int[])[1, 9, 31, 32, 127])
        {
            var exception = Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => Sqlite.Execute(DatabasePath,
                $"INSERT INTO image_use (image_id, last_used_at) VALUES ('a' || char({character}) || 'b', 1)"));
            Assert.Equal(19, exception.SqliteErrorCode);
        }

        Sqlite.Execute(DatabasePath, "INSERT INTO image_use (image_id, last_used_at) VALUES ('!~', 1)");
    }

    [Fact]
    public void The_message_says_what_is_wrong_with_an_ID()
    {
        var store = Open();
        foreach (var (imageId, why) in ((string, string)[])
            [
                ("", "it is empty: ''."),
                (new string('a', 513), $"it has 513 characters and 512 is the most: '{new string('a', 77)}...'."),
                ("a b", "it contains white space or a control character: 'a b'."),
                ("half\ud83d", "it contains half a surrogate pair: 'half\\ud83d'."),
            ])
            Assert.StartsWith($"Not an image ID, {why}",
                Assert.Throws<ArgumentException>(() => store.RecordUse(imageId)).Message, StringComparison.Ordinal);
    }
}

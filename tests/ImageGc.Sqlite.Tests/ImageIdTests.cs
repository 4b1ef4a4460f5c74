namespace ImageGc.Sqlite.Tests;

public sealed class ImageIdTests : StoreTest
{
    private const string Digits = "0a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f820a82b53d6f82abcd";
    private const string Full = "sha256:" + Digits;

    public static TheoryData<string?> Malformed =>
    [
        (string?)null, "", " ", "   ", "sha256:ab cd", " leading", "trailing ", "new\nline", "carriage\r", "tab\t",
            "nul\0",
        "bell\a", "delete\u007f", "c1\u0085", "no-break\u00a0space", "half\ud83d", "half\ude00",
        new string('a', 513), "'; DROP TABLE image_use; --",
    ];

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_ID_throws_ArgumentException_and_writes_nothing(string? imageId)
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
    public void The_schema_refuses_invalid_image_IDs_and_times()
    {
        Open();
        foreach (var values in (string[])["'', 1, 1", "'a b', 1, 1", "char(9), 1, 1", "x'00', 1, 1", "'a', 1, -1",
            "'a', 1, 'x'", "'a', 1, 1.5", "'a', 1, 253402300800000", "NULL, 1, 1", "'a', 1, NULL", "'a', NULL, 1",
            "'a', -1, 1", "printf('%.*c', 513, 'a'), 1, 1"])
        {
            var exception = Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() =>
                Sqlite.Execute(DatabasePath, $"INSERT INTO image_use (image_id, boot, ran_at) VALUES ({values})"));
            Assert.Equal(19, exception.SqliteErrorCode);
        }
    }

    [Fact]
    public void The_schema_refuses_spaces_and_control_characters_in_image_IDs()
    {
        Open();
        foreach (var character in (int[])[1, 9, 31, 32, 127])
        {
            var exception = Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => Sqlite.Execute(DatabasePath,
                $"INSERT INTO image_use (image_id, boot, ran_at) VALUES ('a' || char({character}) || 'b', 1, 1)"));
            Assert.Equal(19, exception.SqliteErrorCode);
        }

        Sqlite.Execute(DatabasePath, "INSERT INTO image_use (image_id, boot, ran_at) VALUES ('!~', 1, 1)");
    }

    [Fact]
    public void The_message_says_what_is_wrong_with_an_ID()
    {
        var store = Open();
        foreach (var (imageId, why) in ((string, string)[])
            [
                ("", "'' is not an image ID: it is empty."),
                (new string('a', 513),
                    $"'{new string('a', 77)}...' is not an image ID: it has 513 characters, and the maximum is 512."),
                ("a b", "'a b' is not an image ID: it contains white space or a control character."),
                ("half\ud83d", "'half\\ud83d' is not an image ID: it contains half a surrogate pair."),
            ])
            Assert.StartsWith(why,
                Assert.Throws<ArgumentException>(() => store.RecordUse(imageId)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_program_can_ask_whether_an_ID_is_valid(string? imageId)
    {
        var exception = Assert.ThrowsAny<ArgumentException>(() => ImageId.ThrowIfInvalid(imageId));

        Assert.Equal(nameof(imageId), exception.ParamName);
        Assert.False(ImageId.IsValid(imageId));
        ImageId.ThrowIfInvalid("nginx");
        Assert.True(ImageId.IsValid("nginx"));
    }

    [Theory]
    [InlineData(Full, true, true)]
    [InlineData("sha256:0a82", false, true)]
    [InlineData("0a82", false, true)]
    [InlineData("0A82", false, true)]
    [InlineData("0a8", false, false)]
    [InlineData("sha256:", false, false)]
    [InlineData("nginx", false, false)]
    [InlineData(Full + "0", false, true)]
    [InlineData(Full + "\n", false, false)]
    [InlineData("sha512:0a82", false, false)]
    public void A_digest_is_distinguished_from_its_first_digits_and_from_a_name(
        string written, bool digest, bool prefix) =>
        Assert.Equal((digest, prefix), (ImageId.IsDigest(written), ImageId.IsDigestPrefix(written)));

    [Fact]
    public void An_upper_case_digest_is_not_a_digest() =>
        Assert.False(ImageId.IsDigest("sha256:" + Digits.ToUpperInvariant()));

    [Theory]
    [InlineData(Full, "0a82b53d6f82")]
    [InlineData("sha256:0a82b53d6f82", "sha256:0a82b53d6f82")]
    [InlineData(Digits, Digits)]
    [InlineData("nginx", "nginx")]
    public void An_ID_is_shortened_as_in_Docker(string imageId, string shortened) =>
        Assert.Equal(shortened, ImageId.Shorten(imageId));

    [Theory]
    [InlineData(Full, Full, true)]
    [InlineData(Digits, Full, true)]
    [InlineData("0a82", Full, true)]
    [InlineData("sha256:0a82", Full, true)]
    [InlineData(Full, Digits, true)]
    [InlineData("0a8", Full, false)]
    [InlineData("0A82", Full, false)]
    [InlineData("0a83", Full, false)]
    [InlineData(Full, "0a82b53d6f82", false)]
    [InlineData("nginx", "nginx", true)]
    [InlineData("ngin", "nginx", false)]
    public void An_ID_matches_in_full_and_shortened(string written, string imageId, bool expected) =>
        Assert.Equal(expected, ImageId.Matches(written, imageId));
}

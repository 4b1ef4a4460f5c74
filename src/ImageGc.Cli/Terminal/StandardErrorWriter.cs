using System.Text;

namespace ImageGc.Cli.Terminal;

/// <summary>
/// Writes messages from several threads. The work continues if they cannot be written: a full disk, a closed stream.
/// </summary>
internal sealed class StandardErrorWriter(TextWriter inner) : TextWriter
{
    private readonly Lock _oneAtATime = new();

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Write(value.ToString());

    public override void WriteLine() => Write(NewLine);

    public override void WriteLine(string? value) => Write(value + NewLine);

    public override void Write(string? value)
    {
        lock (_oneAtATime)
        {
            try
            {
                inner.Write(value);
                inner.Flush();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // A failure to report cannot be reported anywhere else.
            }
        }
    }
}

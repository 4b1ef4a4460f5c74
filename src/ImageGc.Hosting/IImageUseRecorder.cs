namespace ImageGc.Hosting;

/// <summary>Records image uses for a runtime that deploys containers itself.</summary>
/// <remarks>
/// Thread-safe. The first use opens the database, and each later one tries again if that failed. A storage failure is
/// logged and never thrown, so that no deployment fails because of it. In tests, register your own recorder.
/// </remarks>
public interface IImageUseRecorder
{
    /// <summary>
    /// Records that an image is used now. Call it after a pull, and when a container is created or removed.
    /// </summary>
    /// <param name="imageId">An ID that <see cref="Sqlite.ImageId.IsValid"/> accepts.</param>
    /// <exception cref="ArgumentException"><paramref name="imageId"/> is not a valid image ID.</exception>
    void Record(string imageId);
}

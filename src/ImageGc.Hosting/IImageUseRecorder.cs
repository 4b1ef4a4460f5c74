namespace ImageGc.Hosting;

/// <summary>Records uses of images for a runtime that deploys them itself.</summary>
/// <remarks>
/// Thread-safe. The database is opened at the first use and, if that fails, at the next: a storage failure is logged
/// and never thrown into a deployment. Replace it in the tests of a runtime.
/// </remarks>
public interface IImageUseRecorder
{
    /// <summary>Records that an image is used now: after a pull, and when a container is created or removed.</summary>
    /// <param name="imageId">1 to 512 characters without white space or control characters.</param>
    /// <exception cref="ArgumentException">Not an image ID.</exception>
    void Record(string imageId);
}

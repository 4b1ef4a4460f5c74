using ImageGc.Sqlite;
using Microsoft.Extensions.Logging;

namespace ImageGc.Hosting;

internal sealed class ImageUseRecorder(
    Func<ImageUseStore> store, Health health, ILogger<ImageUseRecorder> log) : IImageUseRecorder
{
    public void Record(string imageId)
    {
        ImageId.ThrowIfInvalid(imageId);
        try
        {
            store().RecordUse(imageId);
            health.Report(HostPart.Recording, failure: null);
        }
        catch (Exception exception) when (exception is ImageUseStoreException or ObjectDisposedException)
        {
            log.NotRecorded(exception, imageId);
            health.Report(HostPart.Recording, exception);
        }
    }
}

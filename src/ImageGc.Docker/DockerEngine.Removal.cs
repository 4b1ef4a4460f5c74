using System.Net;
using Docker.DotNet.Models;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Docker;

internal sealed partial class DockerEngine
{
    /// <remarks>
    /// By ID and never by force, so that the engine refuses an image that a container in any state uses. It also
    /// refuses an image with several tags (isSingleReference in image_delete.go of moby). Only then are the names
    /// removed one by one, and the last one removes the image.
    /// </remarks>
    public async Task RemoveImageAsync(string imageId, CancellationToken cancellationToken)
    {
        // Any other text would remove only a name from an image, or reach another endpoint, such as ../volumes/x.
        if (!ImageId.IsDigest(imageId))
            throw new InvalidDataException(
                $"'{imageId}' is not an image ID of Docker (sha256: and 64 digits), so nothing is removed. Remove the "
                + "image by hand, then run 'imagegc forget'.");

        try
        {
            await DeleteAsync(imageId, cancellationToken).ConfigureAwait(false);
        }
        catch (DockerRequestFailedException conflict)
            when (conflict.Status == HttpStatusCode.Conflict || IsForItsNames(conflict))
        {
            if (await InspectAsync(imageId, cancellationToken).ConfigureAwait(false) is not { } image)
                return;
            var names = NamesOf(image.RepoTags, image.RepoDigests);
            if (names.Count < 2 || await IsNeededAsync(imageId, cancellationToken).ConfigureAwait(false))
                throw;
            await RemoveByNamesAsync(imageId, names, cancellationToken).ConfigureAwait(false);
        }
        catch (DockerRequestFailedException failure)
        {
            // Docker removes the names first, and does not restore them if it then fails: imageDeleteHelper in
            // image_delete.go of moby.
            var names = _names.GetValueOrDefault(imageId, []);
            await RestoreNamesAsync(imageId, names.Where(name => !IsDigest(name)), names.Where(IsDigest))
                .ConfigureAwait(false);
            if (failure.Message.Contains("no space left on device", StringComparison.Ordinal))
                throw new EngineUnavailableException(
                    $"The engine at {_docker.Address} could not remove {imageId}: its disk is too full even for that. "
                    + "Delete a small file by hand, such as an old log.",
                    failure);
            throw;
        }
    }

    /// <summary>Whether Podman refused to remove an image because of its names.</summary>
    /// <remarks>
    /// Podman answers with 500 where Docker answers with 409: https://github.com/containers/podman/issues/14208.
    /// </remarks>
    private static bool IsForItsNames(DockerRequestFailedException refusal) =>
        refusal.Status == HttpStatusCode.InternalServerError
        && refusal.Message.Contains("more than one tag", StringComparison.Ordinal);

    /// <summary>Whether a child image or a container needs the image, which may also be the reason for a 409.</summary>
    private async Task<bool> IsNeededAsync(string imageId, CancellationToken cancellationToken)
    {
        var images = await ListAllImagesAsync(cancellationToken).ConfigureAwait(false);
        return images.Any(child => child.ParentID == imageId)
            || (await ListContainersAsync(cancellationToken).ConfigureAwait(false))
                .Any(container => container.ImageIds.Contains(imageId));
    }

    private async Task RemoveByNamesAsync(
        string imageId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        List<string> untagged = [];
        try
        {
            foreach (var name in names)
            {
                // A pull may have moved the name to another image meanwhile.
                if ((await InspectAsync(name, cancellationToken).ConfigureAwait(false))?.ID != imageId)
                    continue;
                untagged.Add(name); // Before the request, because one that times out may still be carried out.
                await DeleteAsync(name, cancellationToken).ConfigureAwait(false);
            }

            // If something began to need the image meanwhile, removing its last name succeeds and leaves the image. The
            // request for the image itself then fails, which restores the names.
            if (await InspectAsync(imageId, cancellationToken).ConfigureAwait(false) is not null)
                await DeleteAsync(imageId, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await RestoreNamesAsync(imageId, untagged, names.Where(IsDigest)).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Restores the tags of an image that stays, except for those that another image has by now.</summary>
    /// <remarks>
    /// Docker removes a digest together with the last tag of its repository, and only a pull restores it. The requests
    /// are not cancelled: a host that stops must not leave the image without its names.
    /// </remarks>
    private async Task RestoreNamesAsync(string imageId, IEnumerable<string> untagged, IEnumerable<string> digests)
    {
        var missing = new Queue<string>([.. untagged.Where(name => !IsDigest(name)), .. digests]);
        var lost = new List<string>();
        Exception? why = null;
        try
        {
            while (missing.TryPeek(out var name))
            {
                var gone = await InspectAsync(name, CancellationToken.None).ConfigureAwait(false) is null;
                if (gone && IsDigest(name))
                    lost.Add(name);
                else if (gone)
                    await TagAsync(imageId, name).ConfigureAwait(false);
                missing.Dequeue();
            }
        }
        catch (DockerRequestFailedException gone) when (gone.Status == HttpStatusCode.NotFound)
        {
            return; // The image is gone, so it cannot get names.
        }
        catch (Exception exception)
            when (exception is EngineRequestFailedException or EngineUnavailableException or TimeoutException)
        {
            why = exception;
        }

        if (lost.Count + missing.Count > 0)
            log.LostNames(why, imageId, string.Join(", ", lost.Concat(missing)));
    }

    private static bool IsDigest(string name) => name.Contains('@', StringComparison.Ordinal);

    private async Task TagAsync(string imageId, string name)
    {
        var colon = name.LastIndexOf(':');
        var tag = new ImageTagParameters { RepositoryName = name[..colon], Tag = name[(colon + 1)..] };
        _restored[(imageId, name)] = true; // Before the request, because the event may come before its answer.
        try
        {
            await _docker.AskAsync(new Request($"tag {imageId}", "POST /images/{name}/tag"), async (docker, cancel) =>
            {
                await docker.Images.TagImageAsync(imageId, tag, cancel).ConfigureAwait(false);
                return tag;
            }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (DockerRequestFailedException) // After a time-out or a lost connection the tag may still be set.
        {
            _restored.TryRemove((imageId, name), out _);
            throw;
        }
    }

    /// <summary>Removes an image or one of its names; succeeds if it is gone.</summary>
    /// <remarks>Without NoPrune, Docker would also remove parents without a name, which may not be tracked.</remarks>
    private async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var unforced = new ImageDeleteParameters { Force = false, NoPrune = true };
        await _docker.FindAsync(new Request($"remove {name}", "DELETE /images/{name}"), (docker, cancel) =>
            docker.Images.DeleteImageAsync(name, unforced, cancel), cancellationToken).ConfigureAwait(false);
    }
}

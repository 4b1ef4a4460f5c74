using System.Net;
using Docker.DotNet.Models;
using ImageGc.Hosting;
using ImageGc.Sqlite;

namespace ImageGc.Docker;

internal sealed partial class DockerEngine
{
    /// <remarks>
    /// By ID and never by force: Docker refuses while any container runs the image. It refuses too while the image has
    /// several names; only then they are taken away one by one, the last of which removes the image.
    /// </remarks>
    public async Task RemoveImageAsync(string imageId, CancellationToken cancellationToken)
    {
        // Anything else would become a path of the engine's own, such as ../volumes/x, or take a name off an image.
        if (!ImageId.IsDigest(imageId))
            throw new InvalidDataException(
                $"'{imageId}' is not an image ID of Docker (sha256: and 64 digits), so nothing is removed. Remove it "
                + "by hand, then forget it.");

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
            // Docker takes the names away first, and does not give them back where it cannot go on.
            var names = _names.GetValueOrDefault(imageId, []);
            await GiveBackAsync(imageId, names.Where(name => !IsDigest(name)), names.Where(IsDigest))
                .ConfigureAwait(false);
            if (failure.Message.Contains("no space left on device", StringComparison.Ordinal))
                throw new EngineUnavailableException(
                    $"The engine at {_docker.Address} could not remove {imageId}: its own disk is so full that it "
                    + "cannot even write that down. Free a little by hand, such as a log or a temporary file.",
                    failure);
            throw;
        }
    }

    /// <summary>What Podman answers where Docker has a conflict.</summary>
    private static bool IsForItsNames(DockerRequestFailedException refusal) =>
        refusal.Status == HttpStatusCode.InternalServerError
        && refusal.Message.Contains("more than one tag", StringComparison.Ordinal);

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
                // Pulled anew meanwhile, it is the name of another image.
                if ((await InspectAsync(name, cancellationToken).ConfigureAwait(false))?.ID != imageId)
                    continue;
                untagged.Add(name); // Before, because a removal that nobody answered may have happened.
                await DeleteAsync(name, cancellationToken).ConfigureAwait(false);
            }

            // Taking away the last name succeeds without removing an image that is needed after all.
            if (await InspectAsync(imageId, cancellationToken).ConfigureAwait(false) is not null)
                await DeleteAsync(imageId, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await GiveBackAsync(imageId, untagged, names.Where(IsDigest)).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The image stays, so it keeps its tags too, but for those that others took meanwhile.</summary>
    /// <remarks>Digests go with the last tag of their repository, and only a pull brings them back.</remarks>
    private async Task GiveBackAsync(string imageId, IEnumerable<string> untagged, IEnumerable<string> digests)
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
            return;
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
        await _docker.AskAsync(new Request($"tag {imageId}", "POST /images/{name}/tag"), async (docker, cancel) =>
        {
            await docker.Images.TagImageAsync(imageId, tag, cancel).ConfigureAwait(false);
            return tag;
        }, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Parents without a name stay (NoPrune): nobody has seen them in use.</summary>
    private async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var unforced = new ImageDeleteParameters { Force = false, NoPrune = true };
        await _docker.FindAsync(new Request($"remove {name}", "DELETE /images/{name}"), (docker, cancel) =>
            docker.Images.DeleteImageAsync(name, unforced, cancel), cancellationToken).ConfigureAwait(false);
    }
}

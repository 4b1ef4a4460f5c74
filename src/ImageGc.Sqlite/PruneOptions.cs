using System.Collections.ObjectModel;

namespace ImageGc.Sqlite;

/// <summary>Why a prune runs, for the history.</summary>
public enum PruneKind
{
    /// <summary>It is the regular cleanup, usually every night.</summary>
    Scheduled,

    /// <summary>It frees space on a disk that is nearly full.</summary>
    DiskPressure,

    /// <summary>A person started it.</summary>
    Manual,

    /// <summary>
    /// Not a prune: something else removed the images, and <see cref="ImageUseStore.ForgetGone"/> or
    /// <see cref="ImageUseStore.ForgetMissing"/> recorded it.
    /// </summary>
    Gone,
}

/// <summary>Options of one prune.</summary>
public sealed class PruneOptions
{
    /// <summary>
    /// How long an image must have been unused; <see cref="ImageUseStoreOptions.ImageAgeCleanupThreshold"/> by default.
    /// Zero expires every image that is neither in use nor kept.
    /// </summary>
    public TimeSpan? Threshold { get; set; }

    /// <summary>Why the prune runs; <see cref="PruneKind.Scheduled"/> by default.</summary>
    public PruneKind Kind { get; set; }

    /// <summary>
    /// The IDs of images to keep although nothing uses them, each with the rule that says so, for
    /// <see cref="PruneVerdict.KeptBy"/>; none by default. Kept images do not count as used, so they keep getting
    /// older. IDs that are not tracked are ignored.
    /// </summary>
    public IReadOnlyDictionary<string, string> Keep { get; set; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// The ID of each image's parent, by the ID of the child; none by default. <see cref="ImageUseStore.PruneAsync"/>
    /// removes children first, because engines refuse to remove an image that other images are built on.
    /// </summary>
    public IReadOnlyDictionary<string, string> Parents { get; set; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// Whether to prune although an ID in use is not an image ID, or has another form than the tracked ones; false by
    /// default. Such an entry, for example a name or an ID with a line break, matches no tracked image, so the image
    /// in use would not be protected.
    /// </summary>
    public bool AllowOtherIdForms { get; set; }

    /// <summary>
    /// Called before each image that <see cref="ImageUseStore.PruneAsync"/> would remove. If it returns true, the prune
    /// ends and returns the remaining images in <see cref="PruneResult.Left"/>. An exception from it ends the prune.
    /// </summary>
    public Func<CancellationToken, Task<bool>>? Enough { get; set; }

    /// <summary>
    /// Called after each removal. It returns what the removal freed, for the history, or null if unknown. An exception
    /// from it ends the prune.
    /// </summary>
    public Func<ImageUse, FreedSpace?>? Freed { get; set; }

    /// <summary>
    /// Receives the verdict on every tracked image, oldest use first. <see cref="ImageUseStore.PruneAsync"/> calls it
    /// before the first removal. <see cref="ImageUseStore.Prune"/> calls it after it has forgotten the images, so an
    /// exception would lose the list of them; do not throw.
    /// </summary>
    public Action<IReadOnlyList<PruneVerdict>>? Decided { get; set; }

    /// <summary>
    /// Receives the outcome for each image as soon as <see cref="ImageUseStore.PruneAsync"/> knows it, so it is
    /// complete even if the prune is cancelled or fails. Implement the interface yourself: <see cref="Progress{T}"/>
    /// reports later and in any order. An exception from it ends the prune.
    /// </summary>
    public IProgress<PruneOutcome>? Progress { get; set; }

    internal void Validate(string parameterName)
    {
        if (Threshold is { } threshold)
            ImageUseStoreOptions.RequireThreshold(threshold, parameterName);
        if (!Enum.IsDefined(Kind) || Kind == PruneKind.Gone)
            throw new ArgumentOutOfRangeException(parameterName, Kind, "Use Scheduled, DiskPressure or Manual.");
        ArgumentNullException.ThrowIfNull(Keep, parameterName);
        ArgumentNullException.ThrowIfNull(Parents, parameterName);
    }
}

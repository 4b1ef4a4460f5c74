using System.Collections.ObjectModel;

namespace ImageGc.Sqlite;

/// <summary>Why a prune runs. The history keeps it.</summary>
public enum PruneKind
{
    /// <summary>It is the regular cleanup, the nightly one for most.</summary>
    Scheduled,

    /// <summary>It makes room on a full disk.</summary>
    DiskPressure,

    /// <summary>A person asked for it.</summary>
    Manual,

    /// <summary>
    /// Not a prune: something else removed the images, and <see cref="ImageUseStore.ForgetGone"/> or
    /// <see cref="ImageUseStore.ForgetMissing"/> wrote it down.
    /// </summary>
    Gone,
}

/// <summary>How a prune differs from the regular one.</summary>
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
    /// The IDs of images that stay although nothing uses them, each with the rule that says so, for
    /// <see cref="PruneVerdict.KeptBy"/>; none by default. They do not count as used, so that their age goes on, and
    /// those that are not tracked are ignored.
    /// </summary>
    public IReadOnlyDictionary<string, string> Keep { get; set; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// The parents of images, by the IDs of the children; none by default. <see cref="ImageUseStore.PruneAsync"/>
    /// offers an image after its children, where the engine refuses to remove one that others are built on.
    /// </summary>
    public IReadOnlyDictionary<string, string> Parents { get; set; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>
    /// Whether to prune although an ID in use is not written as the tracked ones are; false by default, since names,
    /// shortened IDs and IDs without `sha256:` match no tracked image, and would leave the image in use unprotected.
    /// </summary>
    public bool AllowOtherIdForms { get; set; }

    /// <summary>
    /// Asked before each image that <see cref="ImageUseStore.PruneAsync"/> would remove: if it is enough, the prune
    /// returns and leaves this one and the others to the next. What it throws ends the prune.
    /// </summary>
    public Func<CancellationToken, Task<bool>>? Enough { get; set; }

    /// <summary>
    /// Asked after each removal what it freed, for the history; null if unknown. What it throws ends the prune.
    /// </summary>
    public Func<ImageUse, Freed?>? Freed { get; set; }

    /// <summary>
    /// Receives the verdict on every tracked image, oldest use first. <see cref="ImageUseStore.PruneAsync"/> calls it
    /// before the first removal, <see cref="ImageUseStore.Prune"/> after it has forgotten the images: an exception
    /// there loses the list, so do not throw.
    /// </summary>
    public Action<IReadOnlyList<PruneVerdict>>? Decided { get; set; }

    /// <summary>
    /// Receives the outcome of each image as soon as <see cref="ImageUseStore.PruneAsync"/> has settled it: complete
    /// even where the prune is cancelled or fails. Implement the interface: <see cref="Progress{T}"/> reports later and
    /// in any order. An exception from it ends the prune.
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

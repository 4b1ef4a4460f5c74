//! The types of edgelet that `imagegc.rs` uses, so that it compiles without edgelet.

use std::fmt::{Display, Formatter};
use std::time::Duration;

/// The variants of `edgelet_docker::Error` that `imagegc.rs` uses.
#[derive(Debug)]
pub enum Error {
    /// Storage failed, or an argument was not valid: what failed, on which file, and what to do.
    FileOperation(String),
    /// The path of this file is not UTF-8 or contains a zero byte.
    FilepathCreationError(String),
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::FileOperation(message) => formatter.write_str(message),
            Error::FilepathCreationError(filename) => {
                write!(
                    formatter,
                    "the path of '{filename}' is not UTF-8 or contains a zero byte"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// `edgelet_settings::base::image::ImagePruneSettings` without its serialization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePruneSettings {
    cleanup_recurrence: Duration,
    image_age_cleanup_threshold: Duration,
    cleanup_time: u64,
    enabled: bool,
}

impl ImagePruneSettings {
    pub fn new(
        cleanup_recurrence: Duration,
        image_age_cleanup_threshold: Duration,
        cleanup_time: u64,
        enabled: bool,
    ) -> ImagePruneSettings {
        ImagePruneSettings {
            cleanup_recurrence,
            image_age_cleanup_threshold,
            cleanup_time,
            enabled,
        }
    }

    /// How often images are removed.
    pub fn cleanup_recurrence(&self) -> Duration {
        self.cleanup_recurrence
    }

    /// How long an image must have been unused before it is removed.
    pub fn image_age_cleanup_threshold(&self) -> Duration {
        self.image_age_cleanup_threshold
    }

    /// When images are removed, in minutes after midnight.
    pub fn cleanup_time(&self) -> u64 {
        self.cleanup_time
    }

    /// Whether the caller removes images at all. `prune_images_from_file` does not check it.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }
}

impl Default for ImagePruneSettings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        ImagePruneSettings::new(DAY, 7 * DAY, 0, true)
    }
}

//! Replaces `edgelet/edgelet-docker/src/image_prune_data.rs` of `Azure/iotedge`: the same API, with
//! a database instead of the flat file `image_use`. Needs `libimagegc.so`, Rust 1.63 or later, and
//! no crates.
//!
//! ```sh
//! rustc --edition 2021 -O --crate-type rlib imagegc.rs -L "$LIB"  # LIB: where libimagegc.so is
//! rustc --edition 2021 --test imagegc.rs -L "$LIB" -C link-arg=-Wl,-rpath,"$LIB"
//! ./imagegc
//! ```
//!
//! In edgelet, name this file `image_prune_data.rs`, follow the comments that begin with "edgelet",
//! and print `cargo:rustc-link-search=native=DIRECTORY` in a `build.rs`.
//!
//! What differs from the flat file:
//! - `new` opens the database, so it fails if the home directory is missing or the database cannot
//!   be opened.
//! - `record_image_use_timestamp` also fails if the change could not be written. It never panics.
//! - A clock that is wrong for less than `clock_settle_seconds` (imagegc.h) cannot expire an image.
//!   An image from the flat file therefore expires only once the clock has settled for that time.
//! - Lines of the flat file that cannot be read are skipped. Before, they made every call fail or
//!   panic.
//! - If an ID in use is not an image ID, or has another form than the tracked ones, such as a name,
//!   a prune removes no images.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_void, CStr, CString};
use std::io::Write; // edgelet: remove
use std::os::raw::c_char; // In std::ffi only from Rust 1.64 on.
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::ptr::{addr_of, addr_of_mut};
use std::sync::Arc;
use std::time::Duration;

// edgelet: replace the next three lines with
// use crate::Error;
// use edgelet_settings::base::image::ImagePruneSettings;
#[path = "edgelet.rs"]
mod edgelet;
pub use edgelet::{Error, ImagePruneSettings};

const DATABASE_FILENAME: &str = "image_use.db";
const FLAT_FILENAME: &str = "image_use";

/// When each image was last used. Clones share one store, which the last of them closes.
#[derive(Debug, Clone)]
pub struct ImagePruneData {
    store: Arc<Store>,
    settings: ImagePruneSettings,
}

impl ImagePruneData {
    /// Opens or creates `image_use.db` in the home directory. The first start imports the flat file
    /// `image_use` and renames it to `image_use.imported`.
    pub fn new(homedir: &Path, settings: ImagePruneSettings) -> Result<Self, Error> {
        Self::open(homedir, settings, ffi::DEFAULT)
    }

    /// Records durably that the image is used now. Call it after a pull, and when a container is
    /// created or removed.
    pub fn record_image_use_timestamp(&self, image_id: &str) -> Result<(), Error> {
        let image_id = CString::new(image_id).map_err(|_| {
            Error::FileOperation(format!(
                "{image_id:?} contains a zero byte, so it is not an image ID"
            ))
        })?;
        let image_ids = [image_id.as_ptr()];
        check(unsafe { ffi::imagegc_record(self.store.0, image_ids.as_ptr(), image_ids.len()) })
    }

    /// Returns the images to remove, with their last use as the time since 1970, and stops tracking
    /// them. Records the tracked images in use as used now.
    ///
    /// If the storage fails or an ID in use is refused, it prints a warning and returns no images, as
    /// the flat file did. An error would end the daemon, because the image garbage collector passes
    /// it on.
    pub fn prune_images_from_file(
        &self,
        in_use_image_ids: HashSet<String>,
    ) -> Result<HashMap<String, Duration>, Error> {
        // Older versions of edgelet pass an empty ID if there is no bootstrap image. A zero byte would
        // end the string, so it becomes a space, which is refused too.
        let in_use: Vec<CString> = in_use_image_ids
            .into_iter()
            .filter(|id| !id.is_empty())
            .map(|id| CString::new(id.replace('\0', " ")).unwrap_or_default())
            .collect();
        let in_use: Vec<*const c_char> = in_use.iter().map(|id| id.as_ptr()).collect();
        let mut images = Images::new();
        let pruned = check(unsafe {
            ffi::imagegc_prune_list(
                self.store.0,
                in_use.as_ptr(),
                in_use.len(),
                whole_seconds(self.settings.image_age_cleanup_threshold()),
                collect,
                addr_of_mut!(images).cast(),
            )
        });
        if let Err(error) = pruned {
            // edgelet: log::warn!("No images were pruned: {error}");
            let _ = writeln!(std::io::stderr(), "No images were pruned: {error}");
        }
        Ok(images)
    }

    fn open(
        homedir: &Path,
        settings: ImagePruneSettings,
        clock_settle_seconds: i64,
    ) -> Result<Self, Error> {
        let database_path = path_in(homedir, DATABASE_FILENAME)?;
        let flat_file_path = path_in(homedir, FLAT_FILENAME)?;
        let options = ffi::Options {
            size: std::mem::size_of::<ffi::Options>(),
            database_path: database_path.as_ptr(),
            flat_file_path: flat_file_path.as_ptr(),
            threshold_seconds: ffi::DEFAULT, // Each prune passes its own.
            busy_timeout_ms: ffi::DEFAULT,
            clock_settle_seconds,
            durability: ffi::DURABILITY_FULL,
            read_only: 0,
        };
        let mut store = 0;
        check(unsafe { ffi::imagegc_open(addr_of!(options), addr_of_mut!(store)) })?;
        Ok(Self {
            store: Arc::new(Store(store)),
            settings,
        })
    }
}

/// An open store: a number that any thread may use, so that this type is `Send` and `Sync`.
#[derive(Debug)]
struct Store(u64);

impl Drop for Store {
    fn drop(&mut self) {
        unsafe { ffi::imagegc_close(self.0) };
    }
}

type Images = HashMap<String, Duration>;

/// Adds an image to the `Images` that `context` points to.
extern "C" fn collect(image_id: *const c_char, last_used_at: i64, context: *mut c_void) -> i32 {
    // A panic must not unwind into C. Ending the enumeration would lose the images that follow.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let images = unsafe { &mut *context.cast::<Images>() };
        let image_id = unsafe { CStr::from_ptr(image_id) }.to_string_lossy();
        let last_used_at = Duration::from_secs(u64::try_from(last_used_at).unwrap_or(0));
        images.insert(image_id.into_owned(), last_used_at);
    }));
    0
}

/// Must follow the call at once: the message is valid until the next call on this thread.
fn check(result: i32) -> Result<(), Error> {
    if result == ffi::OK {
        return Ok(());
    }
    let message = unsafe { CStr::from_ptr(ffi::imagegc_last_error()) };
    Err(Error::FileOperation(message.to_string_lossy().into_owned()))
}

fn path_in(homedir: &Path, filename: &str) -> Result<CString, Error> {
    let path = homedir.join(filename);
    path.to_str()
        .and_then(|path| CString::new(path).ok())
        .ok_or_else(|| Error::FilepathCreationError(filename.into()))
}

/// Rounded up, so that no image expires early. The library refuses much longer thresholds.
fn whole_seconds(duration: Duration) -> i64 {
    const THOUSAND_YEARS: i64 = 1000 * 365 * 24 * 60 * 60;
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .min(THOUSAND_YEARS)
}

/// The part of imagegc.h that is used here.
mod ffi {
    use super::{c_char, c_void};

    pub const OK: i32 = 0;
    pub const DEFAULT: i64 = -1;
    pub const DURABILITY_FULL: i32 = 0;

    #[repr(C)]
    pub struct Options {
        pub size: usize,
        pub database_path: *const c_char,
        pub flat_file_path: *const c_char,
        pub threshold_seconds: i64,
        pub busy_timeout_ms: i64,
        pub clock_settle_seconds: i64,
        pub durability: i32,
        pub read_only: i32,
    }

    pub type Visit = extern "C" fn(*const c_char, i64, *mut c_void) -> i32;

    // edgelet: add unsafe before extern, for edition 2024.
    #[link(name = "imagegc")]
    extern "C" {
        pub fn imagegc_open(options: *const Options, store: *mut u64) -> i32;
        pub fn imagegc_close(store: u64) -> i32;
        pub fn imagegc_record(store: u64, image_ids: *const *const c_char, count: usize) -> i32;
        pub fn imagegc_prune_list(
            store: u64,
            in_use: *const *const c_char,
            in_use_count: usize,
            threshold_seconds: i64,
            visit: Visit,
            context: *mut c_void,
        ) -> i32;
        pub fn imagegc_last_error() -> *const c_char;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Tests what the flat file promised, and what the database promises in addition. Each test has its
//! own home directory.

use super::*;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const AT_ONCE: i64 = -2; // IMAGEGC_ZERO

#[test]
fn new_creates_the_database_and_tracks_no_image() {
    let home = Home::new("create");

    let data = home.open(DAY);

    assert!(home.path(DATABASE_FILENAME).is_file());
    assert!(tracked(&data).is_empty());
}

#[test]
fn new_fails_if_the_home_directory_is_missing() {
    let home = Home::new("missing");

    let error = ImagePruneData::new(&home.path("none"), settings(DAY)).unwrap_err();

    assert!(
        matches!(&error, Error::FileOperation(message) if message.contains("none/image_use.db")),
        "{error}"
    );
}

#[test]
fn new_fails_if_the_path_is_not_utf8_or_contains_a_zero_byte() {
    use std::os::unix::ffi::OsStrExt;
    for name in [&b"/tmp/\xff"[..], b"/tmp/a\0b"] {
        let homedir = Path::new(std::ffi::OsStr::from_bytes(name));

        let error = ImagePruneData::new(homedir, settings(DAY)).unwrap_err();

        assert!(matches!(&error, Error::FilepathCreationError(_)), "{error}");
    }
}

#[test]
fn record_adds_an_image_as_used_now() {
    let home = Home::new("add");
    let data = home.open(DAY);

    data.record_image_use_timestamp(&image(1)).unwrap();

    let tracked = tracked(&data);
    assert_eq!(tracked.len(), 1);
    assert!(is_now(tracked[&image(1)]));
}

#[test]
fn record_moves_the_last_use_of_a_tracked_image_to_now() {
    let home = Home::new("update");
    let data = home.open_with(DAY, &[(image(1), HOUR)]);
    assert!(!is_now(tracked(&data)[&image(1)]));

    data.record_image_use_timestamp(&image(1)).unwrap();

    let tracked = tracked(&data);
    assert_eq!(tracked.len(), 1);
    assert!(is_now(tracked[&image(1)]));
}

#[test]
fn record_refuses_what_is_not_an_image_id() {
    let home = Home::new("invalid");
    let data = home.open(DAY);

    for id in ["", " ", "a b", "a\nb 0", "a\0b", &"a".repeat(513)] {
        let error = data.record_image_use_timestamp(id).unwrap_err();
        assert!(matches!(&error, Error::FileOperation(message) if !message.is_empty()));
    }

    assert!(tracked(&data).is_empty());
}

#[test]
fn records_from_many_threads_are_all_stored() {
    let home = Home::new("threads");
    let data = home.open(DAY);

    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let data = data.clone();
            std::thread::spawn(move || {
                (0..50).try_for_each(|i| data.record_image_use_timestamp(&image(thread * 50 + i)))
            })
        })
        .collect();

    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(tracked(&data).len(), 8 * 50);
}

#[test]
fn records_are_there_when_the_store_is_opened_again() {
    let home = Home::new("reopen");
    home.open(DAY)
        .record_image_use_timestamp(&image(1))
        .unwrap();

    let data = home.open(DAY);

    assert!(tracked(&data).contains_key(&image(1)));
}

#[test]
fn the_last_clone_closes_the_store() {
    let home = Home::new("close");
    let data = home.open(DAY);
    let clone = data.clone();
    drop(data);
    clone.record_image_use_timestamp(&image(1)).unwrap();
    assert_ne!(home.open_files(), 0);

    drop(clone);

    assert_eq!(home.open_files(), 0);
}

#[test]
fn prune_returns_old_images_that_are_not_in_use_with_their_last_use() {
    let home = Home::new("prune");
    let images: Vec<_> = (1..=6).map(|i| (image(i), HOUR)).collect();
    let data = home.open_with(HOUR / 2, &images);

    let pruned = data.prune_images_from_file(set(&[1, 2, 3, 4])).unwrap();

    assert!(pruned.values().all(|&last_use| last_use == at(HOUR)));
    assert_eq!(set(&[5, 6]), ids(pruned));
}

#[test]
fn prune_keeps_images_that_are_in_use_or_young() {
    let home = Home::new("state");
    let old_in_use = [(image(1), DAY), (image(2), 5 * DAY), (image(3), 9 * DAY)];
    let others = [
        (image(4), DAY / 2),
        (image(5), 12 * DAY),
        (image(6), 13 * DAY),
        ("sha256:not-hex".into(), 8 * DAY),
    ];
    let data = home.open_with(DAY, &[&old_in_use[..], &others].concat());

    let pruned = data.prune_images_from_file(set(&[1, 2, 3, 7, 8])).unwrap();

    assert_eq!(pruned.len(), 3);
    assert_eq!(set(&[1, 2, 3, 4]), ids(tracked(&data)));
}

#[test]
fn prune_counts_tracked_images_in_use_as_used_now() {
    let home = Home::new("renew");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY), (image(2), HOUR)]);

    data.prune_images_from_file(set(&[1])).unwrap();

    let tracked = tracked(&data);
    assert!(is_now(tracked[&image(1)]));
    assert_eq!(tracked[&image(2)], at(HOUR));
}

#[test]
fn prune_does_not_track_images_in_use_that_were_never_recorded() {
    let home = Home::new("adopt");
    let data = home.open_with(DAY, &[(image(1), HOUR)]);

    data.prune_images_from_file(set(&[1, 2])).unwrap();

    assert_eq!(set(&[1]), ids(tracked(&data)));
}

#[test]
fn prune_returns_an_image_once() {
    let home = Home::new("once");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY)]);

    assert_eq!(
        data.prune_images_from_file(HashSet::new()).unwrap().len(),
        1
    );

    assert!(tracked(&data).is_empty());
    assert!(data
        .prune_images_from_file(HashSet::new())
        .unwrap()
        .is_empty());
}

#[test]
fn prune_of_nothing_returns_nothing() {
    let home = Home::new("nothing");
    let data = home.open(DAY);

    assert!(data
        .prune_images_from_file(HashSet::new())
        .unwrap()
        .is_empty());
    assert!(data.prune_images_from_file(set(&[1])).unwrap().is_empty());
}

#[test]
fn a_threshold_of_zero_expires_every_image_not_in_use() {
    let home = Home::new("zero");
    let data = home.open(Duration::ZERO);
    data.record_image_use_timestamp(&image(1)).unwrap();
    data.record_image_use_timestamp(&image(2)).unwrap();

    let pruned = data.prune_images_from_file(set(&[1])).unwrap();

    assert_eq!(set(&[2]), ids(pruned));
}

#[test]
fn the_longest_threshold_expires_no_image() {
    let home = Home::new("longest");
    let data = home.open_with(Duration::MAX, &[(image(1), DAY), (image(2), 3000 * DAY)]);

    let pruned = data.prune_images_from_file(set(&[1])).unwrap();

    assert!(pruned.is_empty());
    assert!(is_now(tracked(&data)[&image(1)]));
    assert_eq!(tracked(&data)[&image(2)], at(3000 * DAY));
}

#[test]
fn a_threshold_is_rounded_up_to_whole_seconds() {
    assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
    assert_eq!(whole_seconds(DAY), 86_400);
}

#[test]
fn an_empty_id_in_use_is_ignored() {
    let home = Home::new("empty-id");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY), (image(2), 2 * DAY)]);
    let in_use = set(&[1]).into_iter().chain([String::new()]).collect();

    let pruned = data.prune_images_from_file(in_use).unwrap();

    assert_eq!(set(&[2]), ids(pruned));
}

#[test]
fn text_in_use_that_is_not_an_image_id_prunes_nothing() {
    let home = Home::new("foreign");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY), (image(2), 2 * DAY)]);

    for text in ["a b", "a\0b"] {
        let in_use = set(&[1]).into_iter().chain([text.to_string()]).collect();

        assert!(data.prune_images_from_file(in_use).unwrap().is_empty());
    }

    assert_eq!(2, tracked(&data).len());
}

#[test]
fn an_image_name_in_use_prunes_nothing() {
    let home = Home::new("name");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY)]);

    let pruned = data
        .prune_images_from_file(HashSet::from(["registry/app:1.4".to_string()]))
        .unwrap();

    assert!(pruned.is_empty());
    assert_eq!(tracked(&data)[&image(1)], at(2 * DAY));
}

#[test]
fn the_flat_file_is_imported_at_the_first_start() {
    let home = Home::new("import");
    let data = home.open_with(DAY, &[(image(1), HOUR), (image(2), 2 * DAY)]);

    assert_eq!(
        tracked(&data),
        HashMap::from([(image(1), at(HOUR)), (image(2), at(2 * DAY))])
    );
    assert!(!home.path(FLAT_FILENAME).exists());
    assert!(home.path("image_use.imported").is_file());
}

#[test]
fn lines_of_the_flat_file_that_cannot_be_read_are_skipped() {
    let home = Home::new("malformed");
    let good = format!("{} {}\n", image(1), at(HOUR).as_secs());
    fs::write(
        home.path(FLAT_FILENAME),
        format!("\nno-time\nletters abc\nnegative -1\n{good}"),
    )
    .unwrap();

    let data = home.open(DAY);

    assert_eq!(tracked(&data), HashMap::from([(image(1), at(HOUR))]));
}

#[test]
fn an_empty_flat_file_is_not_an_error() {
    let home = Home::new("empty");
    fs::write(home.path(FLAT_FILENAME), "").unwrap();

    assert!(tracked(&home.open(DAY)).is_empty());
}

#[test]
fn a_time_in_the_future_counts_as_used_now() {
    let home = Home::new("future");
    let future = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + DAY;
    fs::write(
        home.path(FLAT_FILENAME),
        format!("{} {}\n", image(1), future.as_secs()),
    )
    .unwrap();

    let data = home.open(DAY);

    assert!(is_now(tracked(&data)[&image(1)]));
    assert!(data
        .prune_images_from_file(HashSet::new())
        .unwrap()
        .is_empty());
}

#[test]
fn old_images_wait_until_the_clock_can_be_trusted() {
    let home = Home::new("clock");
    drop(home.open_with(DAY, &[(image(1), 2 * DAY)]));
    // Unlike in the other tests, the clock is trusted only after the default time.
    let data = ImagePruneData::new(&home.0, settings(DAY)).unwrap();

    assert!(data
        .prune_images_from_file(HashSet::new())
        .unwrap()
        .is_empty());

    assert_eq!(tracked(&data).len(), 1);
}

#[test]
fn storage_failures_are_errors_of_a_record_and_prune_nothing() {
    let home = Home::new("moved");
    let data = home.open_with(DAY, &[(image(1), 2 * DAY)]);
    fs::rename(home.path(DATABASE_FILENAME), home.path("elsewhere")).unwrap();

    let error = data.record_image_use_timestamp(&image(2)).unwrap_err();

    assert!(
        matches!(&error, Error::FileOperation(message) if message.contains(DATABASE_FILENAME)),
        "{error}"
    );
    assert!(data
        .prune_images_from_file(HashSet::new())
        .unwrap()
        .is_empty());
}

#[test]
fn the_store_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    shared::<ImagePruneData>();
}

/// The directory of one test, removed at its end.
struct Home(PathBuf);

impl Home {
    fn new(test: &str) -> Home {
        let path = std::env::temp_dir().join(format!("imagegc-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Home(path)
    }

    fn path(&self, filename: &str) -> PathBuf {
        self.0.join(filename)
    }

    fn open_files(&self) -> usize {
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let files = descriptors.flat_map(|descriptor| fs::read_link(descriptor.path()));
        files.filter(|file| file.starts_with(&self.0)).count()
    }

    /// Opens a store that trusts the clock at once, as the flat file did.
    fn open(&self, threshold: Duration) -> ImagePruneData {
        ImagePruneData::open(&self.0, settings(threshold), AT_ONCE).unwrap()
    }

    /// The same, with images whose last use is this long ago.
    fn open_with(&self, threshold: Duration, images: &[(String, Duration)]) -> ImagePruneData {
        let lines = images
            .iter()
            .map(|(id, age)| format!("{id} {}\n", at(*age).as_secs()));
        fs::write(self.path(FLAT_FILENAME), lines.collect::<String>()).unwrap();
        self.open(threshold)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn settings(threshold: Duration) -> ImagePruneSettings {
    ImagePruneSettings::new(DAY, threshold, 0, true)
}

fn image(number: usize) -> String {
    format!("sha256:{number:064x}")
}

fn set(numbers: &[usize]) -> HashSet<String> {
    numbers.iter().map(|&number| image(number)).collect()
}

fn ids(images: Images) -> HashSet<String> {
    images.into_keys().collect()
}

fn tracked(data: &ImagePruneData) -> Images {
    let mut images = Images::new();
    check(unsafe { imagegc_list(data.store.0, collect, addr_of_mut!(images).cast()) }).unwrap();
    images
}

/// The time this long before the test run, in whole seconds.
fn at(age: Duration) -> Duration {
    static START: std::sync::Mutex<Option<u64>> = std::sync::Mutex::new(None);
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let start = *START.lock().unwrap().get_or_insert_with(now);
    Duration::from_secs(start - age.as_secs())
}

fn is_now(last_use: Duration) -> bool {
    last_use + Duration::from_secs(1) >= at(Duration::ZERO)
        && last_use <= at(Duration::ZERO) + HOUR / 2
}

// edgelet: add unsafe before extern, for edition 2024.
extern "C" {
    fn imagegc_list(store: u64, visit: ffi::Visit, context: *mut c_void) -> i32;
}

/*
 * imagegc.h - records in SQLite when each container image was last used, and decides which can be removed safely.
 *
 * Results    Every function that returns int32_t, except imagegc_abi_version, returns an imagegc_result: 0 is success.
 *            imagegc_last_error() returns the message. No C++ exception or signal reports an error.
 * Text       Every const char * is UTF-8 and ends with a zero byte. Invalid UTF-8 is IMAGEGC_MISUSE.
 * Ownership  What you pass remains yours, and is not used after the function has returned. What a callback receives is
 *            valid until the callback returns: copy what you keep. There is nothing to free.
 * Image IDs  1 to 512 UTF-16 code units without white space and control characters, such as "sha256:" and 64 digits.
 * Times      Unix seconds, UTC. Durations have their unit in their name.
 * Threads    Call any function from any thread, with the same store too. Open one store per file and process.
 * Callbacks  Run on the thread that called, before the function returns. They may call any function of this header.
 *            They must return: no longjmp, C++ exception or Rust panic may leave one.
 * Process    The first call starts the .NET runtime in the process: see README.md for signals, memory and fork. Do not
 *            call any function in a child of fork() that has not called exec().
 * Stability  A later version with the same IMAGEGC_ABI_VERSION adds functions, results, verdicts and, at the end of
 *            imagegc_options, fields. It changes nothing else.
 */
#ifndef IMAGEGC_H
#define IMAGEGC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface; compare it with imagegc_abi_version() if you load the library with dlopen. */
#define IMAGEGC_ABI_VERSION 1

/* The default of a duration. In imagegc_options 0 means the default too, so that a zeroed structure is safe. */
#define IMAGEGC_DEFAULT ((int64_t)-1)

/* A duration of zero. In imagegc_options use it instead of 0; as an argument of a function 0 and IMAGEGC_ZERO are the
   same. A threshold of zero removes every image that is not in use. Thresholds of more than 922,337,203,685 seconds are
   IMAGEGC_MISUSE. */
#define IMAGEGC_ZERO ((int64_t)-2)

/* An open store: a number, not a pointer. 0 is never a store, and the number of a closed store is not used again. */
typedef uint64_t imagegc_store;

/* What a function returns. Treat a result that you do not know as IMAGEGC_OTHER. */
enum imagegc_result {
  IMAGEGC_OK = 0,
  IMAGEGC_MISUSE = 1,        /* An invalid argument, or a store that is not open. Nothing was changed, except
                                what a prune had done before its store was closed. */
  IMAGEGC_UNEXPECTED = 2,    /* Out of memory, or an error in this library. */

  /* Storage failures. You can repeat every call: nothing is done twice. */
  IMAGEGC_OTHER = 16,        /* SQLite reported another error. */
  IMAGEGC_BUSY = 17,         /* Another process held the lock for longer than the busy timeout, or another
                                prune is running, perhaps in this process. Try again later. */
  IMAGEGC_FULL = 18,         /* No space, inodes or quota left. The store works again once there is some. */
  IMAGEGC_READ_ONLY = 19,    /* The file or file system cannot be written to, or the store was opened read-only. */
  IMAGEGC_UNAVAILABLE = 20,  /* The directory does not exist, access is denied, the path is a directory, or
                                too many files are open. */
  IMAGEGC_IO_ERROR = 21,     /* The medium reported an error. */
  IMAGEGC_CORRUPT = 22,      /* The file is damaged. Opening it again salvages its images. */
  IMAGEGC_NOT_OURS = 23,     /* The file is not an image-use database; it was left untouched. */
  IMAGEGC_NEWER_SCHEMA = 24, /* A newer version wrote the database; it was left untouched. */
  IMAGEGC_MIGRATION = 25,    /* A migration failed; the database is unchanged. */
  IMAGEGC_FLAT_FILE = 26,    /* A flat file or a backup could not be read or written. */
  IMAGEGC_MOVED = 27,        /* The file was moved, replaced or deleted while it was open. Close and reopen it. */
  IMAGEGC_LIBRARY = 28       /* SQLite is too old. It is part of this library, so this does not occur. */
};

/* imagegc_options.durability: what a function that returned IMAGEGC_OK promises about power failure. */
enum imagegc_durability {
  IMAGEGC_DURABILITY_FULL = 0,  /* The change survives a power failure: one fsync a change. */
  IMAGEGC_DURABILITY_NORMAL = 1 /* A power failure can take back the last changes, but never half of one. */
};

/* What a prune would do with an image, and why. */
enum imagegc_verdict {
  IMAGEGC_VERDICT_IN_USE = 0,          /* Kept: it is in use. */
  IMAGEGC_VERDICT_KEPT = 1,            /* Kept: a rule says so. No function of this version sets such rules. */
  IMAGEGC_VERDICT_USED_RECENTLY = 2,   /* Kept: it was used within the threshold. */
  IMAGEGC_VERDICT_WAITS_FOR_CLOCK = 3, /* Kept: old by a wall clock that is not trusted yet. */
  IMAGEGC_VERDICT_EXPIRED = 4          /* It would be removed. */
};

/* How a store is opened: imagegc_options options = { sizeof options, "/var/lib/edge/image_use.db" }; */
typedef struct imagegc_options {
  size_t size;                  /* sizeof(imagegc_options), which says how many fields your program knows. */
  const char *database_path;    /* Required. Created with mode 0600; its directory must exist. */
  const char *flat_file_path;   /* The image_use file to import at the first start, then renamed; NULL: none. Its times
                                   are trusted once the clock has run for clock_settle_seconds. */
  int64_t threshold_seconds;    /* How long an image is unused before it expires. Default: 7 days. */
  int64_t busy_timeout_ms;      /* How long a call waits for another process that holds the lock. Default: 10,000. */
  int64_t clock_settle_seconds; /* How long the clock must run without being set to be trusted. Default: 3,600. */
  int32_t durability;           /* An imagegc_durability. */
  int32_t read_only;            /* 1: never creates or changes the database. 0: reads and writes. */
} imagegc_options;

/* What a prune did. */
typedef struct imagegc_prune_counts {
  uint64_t removed;        /* Removed, and no longer tracked. */
  uint64_t failed;         /* The callback returned non-zero; still tracked, so the next prune tries again. */
  uint64_t used_meanwhile; /* Used since the prune began, and still tracked; or forgotten by another call. */
} imagegc_prune_counts;

/* What an import of a flat file did. */
typedef struct imagegc_import_counts {
  uint64_t images;      /* Lines with an image. */
  uint64_t changed;     /* Lines that added an image or moved its last use forward. */
  uint64_t implausible; /* Lines with an implausible time; the image counts as used now. */
  uint64_t skipped;     /* Lines that could not be read. */
} imagegc_import_counts;

/* Removes an image. Return 0 if it is gone now, or was gone already. Any other value counts as a failed removal. */
typedef int32_t imagegc_remove(const char *image_id, int64_t last_used_at, void *context);

/* Receives an image. Return 0 for the next one. Any other value ends the enumeration, which is not an error. */
typedef int32_t imagegc_visit(const char *image_id, int64_t last_used_at, void *context);

/* Receives the verdict on an image. prunable_at: when it expires if it is not used again; at most 253402300799, the
   year 9999. Return value: as for imagegc_visit. */
typedef int32_t imagegc_visit_verdict(
    const char *image_id, int64_t last_used_at, int32_t verdict, int64_t prunable_at, void *context);

/* IMAGEGC_ABI_VERSION of the library that is loaded. */
int32_t imagegc_abi_version(void);

/* The version of the library, such as "0.1.0". Valid for the life of the process. */
const char *imagegc_version(void);

/* Opens or creates a database, migrates it, salvages a damaged one, and imports the flat file.
   options: read before the function returns. If its size is larger than the library's, the fields that the library does
   not know must be zero. store: receives the store, 0 on failure. */
int32_t imagegc_open(const imagegc_options *options, imagegc_store *store);

/* Closes the store; 0 is allowed and does nothing. A call that still runs on this store finishes or
   returns IMAGEGC_MISUSE; every later call returns IMAGEGC_MISUSE. */
int32_t imagegc_close(imagegc_store store);

/* Records count images as used now: all of them or, on failure, none; one fsync. count may be 0. */
int32_t imagegc_record(imagegc_store store, const char *const *image_ids, size_t count);

/* Records every tracked image in in_use as used now; one that is not tracked is not added. Then calls remove for every
   expired image, and stops tracking it if that returns 0. Oldest use first; those whose removal
   failed the last time come last. One prune at a time: a second one, of another process too, returns IMAGEGC_BUSY.
   in_use: the image IDs of all containers, in any state, in full; NULL only if in_use_count is 0. A string that
   is not an image ID is IMAGEGC_MISUSE; so is an untracked name where digests are tracked, and the other way round.
   threshold_seconds: 0 or more, or IMAGEGC_DEFAULT for the store's own threshold.
   remove: called once for each expired image that was not used meanwhile. The database is not locked during the call.
   counts: may be NULL. Also set if the prune fails before its end. */
int32_t imagegc_prune(imagegc_store store, const char *const *in_use, size_t in_use_count, int64_t threshold_seconds,
                      imagegc_remove *remove, void *context, imagegc_prune_counts *counts);

/* Works as the flat file did: stops tracking every expired image first, then calls visit for each, so that your
   program removes it. An image whose removal fails is never returned again, so prefer imagegc_prune. If visit ends
   the enumeration, the images that it has not received are lost. Arguments as for imagegc_prune. */
int32_t imagegc_prune_list(imagegc_store store, const char *const *in_use, size_t in_use_count,
                           int64_t threshold_seconds, imagegc_visit *visit, void *context);

/* Calls visit with what imagegc_prune would do now with every tracked image, oldest use first. Changes nothing. */
int32_t imagegc_explain(imagegc_store store, const char *const *in_use, size_t in_use_count,
                        int64_t threshold_seconds, imagegc_visit_verdict *visit, void *context);

/* Calls visit for every tracked image, oldest use first. The database is not locked during the calls. */
int32_t imagegc_list(imagegc_store store, imagegc_visit *visit, void *context);

/* found: receives 1 if the image is tracked, otherwise 0. last_used_at: receives its last use, or 0; may be NULL. */
int32_t imagegc_find(imagegc_store store, const char *image_id, int32_t *found, int64_t *last_used_at);

/* Stops tracking an image that was removed by other means. forgotten: receives 1 if it was tracked; may be NULL. */
int32_t imagegc_forget(imagegc_store store, const char *image_id, int32_t *forgotten);

/* Imports a flat file of lines "<image id> <unix seconds>", at most 16 MB. The file stays as it is; importing it again
   changes nothing. counts: may be NULL. */
int32_t imagegc_import(imagegc_store store, const char *path, imagegc_import_counts *counts);

/* Writes every tracked image to a new flat file. It is complete and on the medium when it appears; a file that exists
   is never overwritten. */
int32_t imagegc_export(imagegc_store store, const char *path);

/* Copies the database to a new file with mode 0600, as imagegc_export writes one. Never copy the database yourself. */
int32_t imagegc_backup(imagegc_store store, const char *path);

/* Corrects the times of this boot's images if the wall clock was set since they were recorded. Every change does this
   too; call it every minute if you record rarely and other programs read the times. */
int32_t imagegc_correct_times(imagegc_store store);

/* The message of the last call that failed on this thread, in English, on one line; "" if none has failed. A later
   success does not clear it. Valid until the next call on this thread that fails, or until the thread ends. */
const char *imagegc_last_error(void);

/* The absolute path of the database that imagegc_last_error() is about; "" if it is not a storage failure.
   Valid as long as the message of imagegc_last_error(). */
const char *imagegc_last_error_path(void);

#ifdef __cplusplus
}
#endif

#endif

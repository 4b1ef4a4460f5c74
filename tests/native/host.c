/* Calls every function of imagegc.h, with valid and invalid arguments, and prints each check.
   host DIRECTORY: an empty directory. */
#include "checks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void check_images(const char *directory) {
  imagegc_store store = open_store(in(directory, "images.db"));
  const char *both[] = {A, B};
  int32_t found = -1, forgotten = -1;
  int64_t used = -1;
  visitor v = visitor_of(store);

  check(imagegc_record(store, both, 2) == 0 && imagegc_record(store, NULL, 0) == 0, "record two images, and none");
  check(imagegc_find(store, A, &found, &used) == 0 && found == 1 && used >= time(NULL) - 60, "find a tracked image");
  check(imagegc_find(store, C, &found, &used) == 0 && found == 0 && used == 0, "find an image that is not tracked");
  check(imagegc_list(store, visit, &v) == 0 && v.calls == 2 && !v.wrong, "list on this thread");
  v = visitor_of(store), v.answer = 1;
  check(imagegc_list(store, visit, &v) == 0 && v.calls == 1, "a visitor that returns 1 ends the list");
  check(imagegc_forget(store, A, &forgotten) == 0 && forgotten == 1 && !is_tracked(store, A), "forget");
  check(imagegc_forget(store, A, &forgotten) == 0 && forgotten == 0, "forget an image that is not tracked");
  check(imagegc_forget(store, B, NULL) == 0, "forget without asking whether");
  check(imagegc_correct_times(store) == 0, "correct the times");
  check(imagegc_close(store) == 0, "close");
}

void check_files(const char *directory) {
  imagegc_store store = open_store(in(directory, "files.db")), copy;
  imagegc_import_counts counts = {9, 9, 9, 9};
  visitor v = visitor_of(0);

  write_file(in(directory, "image_use"), A " 1700000000\n" B " 99999999999\nno line\n" C " 1700000001\n");
  check(imagegc_import(store, in(directory, "image_use"), &counts) == 0 && counts.images == 3 && counts.changed == 3 &&
            counts.implausible == 1 && counts.skipped == 1,
        "import: three images, one implausible, one line skipped");
  check(imagegc_import(store, in(directory, "image_use"), NULL) == 0, "import again, without counts");
  check(imagegc_export(store, in(directory, "exported")) == 0, "export");
  check_error(IMAGEGC_FLAT_FILE, imagegc_export(store, in(directory, "exported")), "exported",
              "export never overwrites");
  check(!strcmp(imagegc_last_error_path(), in(directory, "files.db")), "the path of the database that failed");
  check_error(IMAGEGC_FLAT_FILE, imagegc_import(store, in(directory, "none"), NULL), "none",
              "import a file that does not exist");
  check(imagegc_backup(store, in(directory, "backup.db")) == 0, "backup");
  check_error(IMAGEGC_MISUSE, imagegc_backup(store, in(directory, "files.db-wal")), "belongs to",
              "a backup to the database's own log");
  imagegc_close(store);

  copy = open_store(in(directory, "backup.db"));
  check(imagegc_list(copy, visit, &v) == 0 && v.calls == 3, "the backup has three images");
  imagegc_close(copy);
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: host DIRECTORY\n"), 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  check(!*imagegc_last_error() && !*imagegc_last_error_path(), "no error before the first");
  check(imagegc_abi_version() == IMAGEGC_ABI_VERSION, "the version of the interface");
  check(strchr(imagegc_version(), '.') && !strchr(imagegc_version(), '+'), imagegc_version());
  check_images(argv[1]);
  check_prune(argv[1]);
  check_files(argv[1]);
  check_options(argv[1]);
  check_misuse(argv[1]);
  check_reasons(argv[1]);
  check_threads(argv[1]);
  return has_failed();
}

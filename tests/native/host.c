/* Calls every function of imagegc.h, rightly and wrongly, and prints each check. host DIRECTORY: an empty directory. */
#define _POSIX_C_SOURCE 200809L
#include "imagegc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static int failed;

static void check(int ok, const char *what) {
  printf("%s  %s\n", ok ? "ok  " : "FAIL", what);
  if (!ok) {
    printf("      last error: %s\n", imagegc_last_error());
    failed = 1;
  }
}

/* The result, and words that the message has; no words of .NET may be in it. */
static void check_error(int32_t expected, int32_t result, const char *words, const char *what) {
  const char *message = imagegc_last_error();
  int ok = result == expected && strstr(message, words) && !strstr(message, "(Parameter") && !strchr(message, '\n') &&
           !strstr(message, "System.") && !strstr(message, "DatabasePath");
  check(ok, what);
  if (!ok) printf("      result %d, expected %d with '%s'\n", result, expected, words);
}

static const char *in(const char *directory, const char *name) {
  static char paths[8][4096];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

static imagegc_store open_store(const char *path) {
  imagegc_options options = {.size = sizeof options, .database_path = path};
  imagegc_store store = 0;
  check(imagegc_open(&options, &store) == IMAGEGC_OK && store, "open");
  return store;
}

static int32_t record(imagegc_store store, const char *image_id) { return imagegc_record(store, &image_id, 1); }

static int is_tracked(imagegc_store store, const char *image_id) {
  int32_t found = -1;
  return imagegc_find(store, image_id, &found, NULL) == IMAGEGC_OK && found == 1;
}

static void write_file(const char *path, const char *content) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(content, file) < 0 || fclose(file)) exit(2);
}

/* What the callbacks receive as context. */
typedef struct {
  imagegc_store store;
  pthread_t thread;
  int calls, wrong, answer;
  int32_t verdicts[5];
  int32_t inner;
} visitor;

static int32_t note(visitor *self, const char *image_id, int64_t last_used_at) {
  self->calls++;
  if (!pthread_equal(self->thread, pthread_self()) || strncmp(image_id, "sha256:", 7) || last_used_at < 1000000000)
    self->wrong++;
  return self->answer;
}

static int32_t visit(const char *image_id, int64_t last_used_at, void *context) {
  return note(context, image_id, last_used_at);
}

static int32_t visit_verdict(
    const char *image_id, int64_t last_used_at, int32_t verdict, int64_t prunable_at, void *context) {
  visitor *self = context;
  if (verdict < 0 || verdict > 4 || prunable_at < last_used_at) self->wrong++;
  else self->verdicts[verdict]++;
  return note(self, image_id, last_used_at);
}

static int32_t remove_unless_b(const char *image_id, int64_t last_used_at, void *context) {
  note(context, image_id, last_used_at);
  return strcmp(image_id, B) ? 0 : 7;
}

static int32_t record_again(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  struct timespec moment = {0, 30 * 1000 * 1000};
  nanosleep(&moment, NULL);
  self->inner |= record(self->store, image_id);
  self->inner |= !is_tracked(self->store, image_id);
  self->inner |= imagegc_list(self->store, visit, self);
  return note(self, image_id, last_used_at);
}

static int32_t prune_again(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  self->inner = imagegc_prune(self->store, NULL, 0, 0, visit, self, NULL);
  return note(self, image_id, last_used_at);
}

static int32_t close_it(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  self->inner = imagegc_close(self->store);
  return note(self, image_id, last_used_at);
}

static visitor visitor_of(imagegc_store store) {
  visitor empty = {.store = store};
  empty.thread = pthread_self();
  return empty;
}

static void test_images(const char *directory) {
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

static void test_prune(const char *directory) {
  imagegc_store store = open_store(in(directory, "prune.db"));
  const char *all[] = {A, B, C}, *in_use[] = {C}, *name[] = {"registry/app:1"};
  imagegc_prune_counts counts = {9, 9, 9};
  visitor v = visitor_of(store);

  imagegc_record(store, all, 3);
  check(imagegc_explain(store, in_use, 1, 0, visit_verdict, &v) == 0 && v.calls == 3 && !v.wrong &&
            v.verdicts[IMAGEGC_VERDICT_IN_USE] == 1 && v.verdicts[IMAGEGC_VERDICT_EXPIRED] == 2,
        "explain: one in use, two expired");
  v = visitor_of(store);
  check(imagegc_explain(store, NULL, 0, IMAGEGC_DEFAULT, visit_verdict, &v) == 0 && !v.wrong &&
            v.verdicts[IMAGEGC_VERDICT_USED_RECENTLY] == 3,
        "explain with the default threshold: three used recently");
  v = visitor_of(store);
  check(imagegc_explain(store, NULL, 0, INT64_C(922337203685), visit_verdict, &v) == 0 && v.calls == 3,
        "explain with the greatest threshold");
  v = visitor_of(store);
  check(imagegc_prune(store, NULL, 0, IMAGEGC_DEFAULT, visit, &v, &counts) == 0 && !v.calls && !counts.removed,
        "prune with the default threshold removes nothing");
  check(imagegc_prune(store, in_use, 1, 0, remove_unless_b, &v, &counts) == 0 && v.calls == 2 && !v.wrong &&
            counts.removed == 1 && counts.failed == 1 && !counts.used_meanwhile,
        "prune: one removed, one failed, one in use");
  check(!is_tracked(store, A) && is_tracked(store, B) && is_tracked(store, C), "only the removed one is forgotten");
  check_error(1, imagegc_prune(store, name, 1, 0, visit, &v, &counts), "registry/app:1", "an ID in another form");
  v = visitor_of(store);
  check(imagegc_prune(store, in_use, 1, IMAGEGC_ZERO, record_again, &v, &counts) == 0 && v.inner == 0 &&
            counts.used_meanwhile == 1 && is_tracked(store, B),
        "a callback that sleeps, records, finds and lists; its image is used meanwhile");
  v = visitor_of(store);
  check(imagegc_prune(store, in_use, 1, 0, prune_again, &v, NULL) == 0 && v.inner == IMAGEGC_BUSY && v.calls == 1,
        "a prune inside a prune is busy");
  record(store, A), record(store, B);
  v = visitor_of(store);
  check(imagegc_prune_list(store, in_use, 1, 0, visit, &v) == 0 && v.calls == 2 && !v.wrong && !is_tracked(store, A),
        "prune_list forgets two images and returns them");
  record(store, A), record(store, B);
  v = visitor_of(store), v.answer = -1;
  check(imagegc_prune_list(store, NULL, 0, 0, visit, &v) == 0 && v.calls == 1 && !is_tracked(store, B),
        "prune_list that its visitor ends has forgotten them all");
  record(store, A), record(store, B);
  v = visitor_of(store);
  check_error(1, imagegc_prune(store, NULL, 0, 0, close_it, &v, &counts), "not open", "a callback that closes the store");
  check(v.inner == 0 && v.calls == 1, "it was called once");
  check(imagegc_close(0) == 0, "close 0");
}

static void test_files(const char *directory) {
  imagegc_store store = open_store(in(directory, "files.db")), copy;
  imagegc_import_counts counts = {9, 9, 9, 9};
  visitor v = visitor_of(0);

  write_file(in(directory, "image_use"), A " 1700000000\n" B " 99999999999\nno line\n" C " 1700000001\n");
  check(imagegc_import(store, in(directory, "image_use"), &counts) == 0 && counts.images == 3 && counts.changed == 3 &&
            counts.implausible == 1 && counts.skipped == 1,
        "import: three images, one implausible, one line skipped");
  check(imagegc_import(store, in(directory, "image_use"), NULL) == 0, "import again, without counts");
  check(imagegc_export(store, in(directory, "exported")) == 0, "export");
  check_error(26, imagegc_export(store, in(directory, "exported")), "exported", "export never overwrites");
  check(!strcmp(imagegc_last_error_path(), in(directory, "files.db")), "the path of the database that failed");
  check_error(26, imagegc_import(store, in(directory, "none"), NULL), "none", "import a file that does not exist");
  check(imagegc_backup(store, in(directory, "backup.db")) == 0, "backup");
  check_error(1, imagegc_backup(store, in(directory, "files.db-wal")), "belongs to", "backup to the database's own log");
  imagegc_close(store);

  copy = open_store(in(directory, "backup.db"));
  check(imagegc_list(copy, visit, &v) == 0 && v.calls == 3, "the backup has three images");
  imagegc_close(copy);
}

static int32_t open_with(imagegc_options options, imagegc_store *store) { return imagegc_open(&options, store); }

static void test_options(const char *directory) {
  struct { imagegc_options known; int64_t unknown; } newer = {{.size = sizeof newer}, 0};
  imagegc_options valid = {.size = sizeof valid, .database_path = in(directory, "options.db")}, o;
  imagegc_store store = 9;
  visitor v;

  check_error(1, imagegc_open(NULL, &store), "options is NULL", "open without options");
  check(store == 0, "a failed open sets the store to 0");
  check_error(1, imagegc_open(&valid, NULL), "store is NULL", "open without a store");
  o = valid, o.size = 0;
  check_error(1, open_with(o, &store), "options.size", "size 0");
  o = valid, o.size = sizeof o - 8;
  check_error(1, open_with(o, &store), "options.size", "a size that is too small");
  o = valid, o.size = 1 << 20;
  check_error(1, open_with(o, &store), "options.size", "a size that is too large");
  newer.known.database_path = valid.database_path, newer.unknown = 1;
  check_error(1, imagegc_open(&newer.known, &store), "does not know", "a newer structure with a field that is set");
  newer.unknown = 0;
  check(imagegc_open(&newer.known, &store) == 0 && imagegc_close(store) == 0, "a newer structure without");
  o = valid, o.database_path = NULL;
  check_error(1, open_with(o, &store), "database_path is NULL", "no path");
  o.database_path = "";
  check_error(1, open_with(o, &store), "database_path is empty", "an empty path");
  o.database_path = "\xff\xfe";
  check_error(1, open_with(o, &store), "database_path is not valid UTF-8", "a path that is not UTF-8");
  o.database_path = ":memory:";
  check_error(1, open_with(o, &store), "database_path is ':memory:'", "a database in memory");
  o = valid, o.flat_file_path = valid.database_path;
  check_error(1, open_with(o, &store), "belongs to", "the database as flat file");
  o = valid, o.threshold_seconds = -3;
  check_error(1, open_with(o, &store), "threshold_seconds is -3", "a negative threshold");
  o.threshold_seconds = INT64_MAX;
  check_error(1, open_with(o, &store), "is the most", "a threshold that is too large");
  o = valid, o.busy_timeout_ms = INT64_C(1) << 40;
  check_error(1, open_with(o, &store), "busy_timeout_ms", "a busy timeout that is too large");
  o = valid, o.clock_settle_seconds = INT64_C(1) << 40;
  check_error(1, open_with(o, &store), "clock_settle_seconds", "a settle time that is too large");
  o = valid, o.durability = 2;
  check_error(1, open_with(o, &store), "durability is 2", "an unknown durability");
  o = valid, o.read_only = 2;
  check_error(1, open_with(o, &store), "read_only is 2", "neither read-only nor not");

  write_file(in(directory, "image_use_at_start"), A " 1700000000\n");
  o = valid, o.flat_file_path = in(directory, "image_use_at_start"), o.threshold_seconds = IMAGEGC_ZERO;
  o.busy_timeout_ms = IMAGEGC_ZERO, o.clock_settle_seconds = IMAGEGC_ZERO, o.durability = IMAGEGC_DURABILITY_NORMAL;
  check(open_with(o, &store) == 0 && is_tracked(store, A), "open with every option; the flat file is imported");
  v = visitor_of(store);
  check(imagegc_prune_list(store, NULL, 0, IMAGEGC_DEFAULT, visit, &v) == 0 && v.calls == 1, "the threshold is zero");
  record(store, B);
  imagegc_close(store);
  o = valid, o.read_only = 1;
  check(open_with(o, &store) == 0 && is_tracked(store, B), "open read-only");
  check_error(19, record(store, A), "read-only", "record read-only");
  imagegc_close(store);
}

static void test_misuse(const char *directory) {
  imagegc_store store = open_store(in(directory, "misuse.db")), closed = open_store(in(directory, "closed.db"));
  const char *null[] = {A, NULL}, *bad[] = {A, "\xc3("};
  char longest[514];
  int32_t found;
  visitor v = visitor_of(store);

  imagegc_close(closed);
  check_error(1, record(closed, A), "not open", "record in a closed store");
  check_error(1, imagegc_close(closed), "not open", "close twice");
  check_error(1, imagegc_list(0, visit, &v), "not open", "list store 0");
  check_error(1, imagegc_list(UINT64_MAX, visit, &v), "not open", "a store that never was");
  check_error(1, imagegc_record(store, NULL, 1), "image_ids is NULL", "record NULL");
  check_error(1, imagegc_record(store, null, 2), "image_ids[1] is NULL", "record a NULL among others");
  check_error(1, imagegc_record(store, bad, 2), "image_ids[1] is not valid UTF-8", "record invalid UTF-8");
  check_error(1, imagegc_record(store, bad, SIZE_MAX), "is the most", "record too many");
  check_error(1, record(store, ""), "empty", "record an empty ID");
  check_error(1, record(store, "a b"), "white space", "record an ID with a space");
  memset(longest, 'a', 513), longest[513] = 0;
  check_error(1, record(store, longest), "512", "record an ID that is too long");
  longest[512] = 0;
  check(record(store, longest) == 0 && record(store, "caf\xc3\xa9") == 0, "record the longest ID, and one in UTF-8");
  check(!is_tracked(store, A), "what failed has recorded nothing");
  check_error(1, imagegc_find(store, A, NULL, NULL), "found is NULL", "find without found");
  check_error(1, imagegc_find(store, NULL, &found, NULL), "image_id is NULL", "find NULL");
  check_error(1, imagegc_forget(store, NULL, NULL), "image_id is NULL", "forget NULL");
  check_error(1, imagegc_prune(store, NULL, 0, 0, NULL, NULL, NULL), "remove is NULL", "prune without a callback");
  check_error(1, imagegc_prune(store, NULL, 1, 0, visit, &v, NULL), "in_use is NULL", "prune with a NULL of one");
  check_error(1, imagegc_prune(store, NULL, 0, -3, visit, &v, NULL), "threshold_seconds", "prune with threshold -3");
  check_error(1, imagegc_prune_list(store, NULL, 0, 0, NULL, NULL), "visit is NULL", "prune_list without a callback");
  check_error(1, imagegc_explain(store, NULL, 0, 0, NULL, NULL), "visit is NULL", "explain without a callback");
  check_error(1, imagegc_list(store, NULL, NULL), "visit is NULL", "list without a callback");
  check_error(1, imagegc_import(store, NULL, NULL), "path is NULL", "import NULL");
  check_error(1, imagegc_export(store, ""), "path is empty", "export to an empty path");
  check_error(1, imagegc_backup(store, "\xff"), "path is not valid UTF-8", "backup to a path that is not UTF-8");
  check(!*imagegc_last_error_path(), "misuse has no database path");
  imagegc_close(store);
}

static void test_reasons(const char *directory) {
  imagegc_options options = {.size = sizeof options};
  imagegc_store store;

  write_file(in(directory, "text.db"), "This is a text, and no database at all; it must stay as it is.\n");
  options.database_path = in(directory, "text.db");
  check_error(23, imagegc_open(&options, &store), "text.db", "a text is not ours");
  check(!strcmp(imagegc_last_error_path(), options.database_path), "the path of the file that is not ours");
  options.database_path = in(directory, "missing/x.db");
  check_error(20, imagegc_open(&options, &store), "missing", "a missing directory is unavailable");
  options.database_path = directory;
  check_error(20, imagegc_open(&options, &store), directory, "a directory is unavailable");
  store = open_store(in(directory, "moved.db"));
  record(store, A);
  if (rename(in(directory, "moved.db"), in(directory, "moved-away.db"))) exit(2);
  check_error(27, record(store, B), "moved.db", "a database that was moved away");
  imagegc_close(store);
}

static void *record_many(void *context) {
  visitor *self = context;
  char id[80];
  for (int i = 0; i < 50; i++) {
    snprintf(id, sizeof id, "sha256:%032x%032x", (unsigned)self->answer, (unsigned)i);
    self->wrong += record(self->store, id) != 0;
    self->wrong += !is_tracked(self->store, id);
    self->calls += imagegc_record(self->store, NULL, 1) == 1 && strstr(imagegc_last_error(), "image_ids") != NULL;
  }
  return NULL;
}

static void *record_until_closed(void *context) {
  visitor *self = context;
  while (!self->inner) self->inner = record(self->store, A);
  self->wrong = !strstr(imagegc_last_error(), "not open");
  return NULL;
}

static void test_threads(const char *directory) {
  imagegc_store store = open_store(in(directory, "threads.db"));
  struct timespec moment = {0, 50 * 1000 * 1000};
  pthread_t threads[8];
  visitor each[8], v = visitor_of(store);
  int wrong = 0, errors = 0;

  check_error(1, record(store, "main thread"), "main thread", "an error on the main thread");
  for (int i = 0; i < 8; i++) {
    each[i] = visitor_of(store), each[i].answer = i;
    if (pthread_create(&threads[i], NULL, record_many, &each[i])) exit(2);
  }
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL), wrong += each[i].wrong, errors += each[i].calls;
  check(!wrong && imagegc_list(store, visit, &v) == 0 && v.calls == 400, "8 threads record 50 images each");
  check(errors == 400 && strstr(imagegc_last_error(), "main thread"), "each thread has its own last error");

  for (int i = 0; i < 8; i++) {
    each[i] = visitor_of(store);
    if (pthread_create(&threads[i], NULL, record_until_closed, &each[i])) exit(2);
  }
  nanosleep(&moment, NULL);
  check(imagegc_close(store) == 0, "close while 8 threads record");
  for (int i = wrong = 0; i < 8; i++) pthread_join(threads[i], NULL), wrong += each[i].wrong + (each[i].inner != 1);
  check(!wrong, "each of them gets IMAGEGC_MISUSE");
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: host DIRECTORY\n"), 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  check(!*imagegc_last_error() && !*imagegc_last_error_path(), "no error before the first");
  check(imagegc_abi_version() == IMAGEGC_ABI_VERSION, "the version of the interface");
  check(strchr(imagegc_version(), '.') && !strchr(imagegc_version(), '+'), imagegc_version());
  test_images(argv[1]);
  test_prune(argv[1]);
  test_files(argv[1]);
  test_options(argv[1]);
  test_misuse(argv[1]);
  test_reasons(argv[1]);
  test_threads(argv[1]);
  return failed;
}

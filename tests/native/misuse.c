/* Invalid arguments and storage failures. */
#include "checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t open_with(imagegc_options options, imagegc_store *store) { return imagegc_open(&options, store); }

void check_options(const char *directory) {
  struct { imagegc_options known; int64_t unknown; } newer = {{.size = sizeof newer}, 0};
  imagegc_options valid = {.size = sizeof valid, .database_path = in(directory, "options.db")}, o;
  imagegc_store store = 9;
  visitor v;

  check_error(IMAGEGC_MISUSE, imagegc_open(NULL, &store), "options is NULL", "open without options");
  check(store == 0, "a failed open sets the store to 0");
  check_error(IMAGEGC_MISUSE, imagegc_open(&valid, NULL), "store is NULL", "open without a store");
  o = valid, o.size = 0;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "options.size", "size 0");
  o = valid, o.size = sizeof o - 8;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "options.size", "a size that is too small");
  o = valid, o.size = 1 << 20;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "options.size", "a size that is too large");
  newer.known.database_path = valid.database_path, newer.unknown = 1;
  check_error(IMAGEGC_MISUSE, imagegc_open(&newer.known, &store), "does not know",
              "a newer structure with a field that is set");
  newer.unknown = 0;
  check(imagegc_open(&newer.known, &store) == 0 && imagegc_close(store) == 0,
        "a newer structure with no such field set");
  o = valid, o.database_path = NULL;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "database_path is NULL", "no path");
  o.database_path = "";
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "database_path is empty", "an empty path");
  o.database_path = "\xff\xfe";
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "database_path is not valid UTF-8", "a path that is not UTF-8");
  o.database_path = ":memory:";
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "database_path is ':memory:'", "a database in memory");
  o = valid, o.flat_file_path = valid.database_path;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "belongs to", "the database as flat file");
  o = valid, o.threshold_seconds = -3;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "threshold_seconds is -3", "a negative threshold");
  o.threshold_seconds = INT64_MAX;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "or less", "a threshold that is too large");
  o = valid, o.busy_timeout_ms = INT64_C(1) << 40;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "busy_timeout_ms", "a busy timeout that is too large");
  o = valid, o.clock_settle_seconds = INT64_C(1) << 40;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "clock_settle_seconds", "a settle time that is too large");
  o = valid, o.durability = 2;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "durability is 2", "an unknown durability");
  o = valid, o.read_only = 2;
  check_error(IMAGEGC_MISUSE, open_with(o, &store), "read_only is 2", "an unknown value of read_only");

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
  check_error(IMAGEGC_READ_ONLY, record(store, A), "read-only", "record read-only");
  imagegc_close(store);
}

void check_misuse(const char *directory) {
  imagegc_store store = open_store(in(directory, "misuse.db")), closed = open_store(in(directory, "closed.db"));
  const char *null[] = {A, NULL}, *bad[] = {A, "\xc3("}, *two_words = "two words";
  char longest[514];
  int32_t found;
  visitor v = visitor_of(store);

  imagegc_close(closed);
  check_error(IMAGEGC_MISUSE, record(closed, A), "not open", "record in a closed store");
  check_error(IMAGEGC_MISUSE, imagegc_close(closed), "not open", "close twice");
  check_error(IMAGEGC_MISUSE, imagegc_list(0, visit, &v), "not open", "list store 0");
  check_error(IMAGEGC_MISUSE, imagegc_list(UINT64_MAX, visit, &v), "not open", "list a store that was never opened");
  check_error(IMAGEGC_MISUSE, imagegc_record(store, NULL, 1), "image_ids is NULL", "record NULL");
  check_error(IMAGEGC_MISUSE, imagegc_record(store, null, 2), "image_ids[1] is NULL", "record a NULL among others");
  check_error(IMAGEGC_MISUSE, imagegc_record(store, bad, 2), "image_ids[1] is not valid UTF-8", "record invalid UTF-8");
  check_error(IMAGEGC_MISUSE, imagegc_record(store, bad, SIZE_MAX), "or less", "record too many");
  check_error(IMAGEGC_MISUSE, record(store, ""), "empty", "record an empty ID");
  check_error(IMAGEGC_MISUSE, record(store, "a b"), "white space", "record an ID with a space");
  memset(longest, 'a', 513), longest[513] = 0;
  check_error(IMAGEGC_MISUSE, record(store, longest), "512", "record an ID that is too long");
  longest[512] = 0;
  check(record(store, longest) == 0 && record(store, "caf\xc3\xa9") == 0, "record the longest ID, and one in UTF-8");
  check(!is_tracked(store, A), "what failed has recorded nothing");
  check_error(IMAGEGC_MISUSE, imagegc_find(store, A, NULL, NULL), "found is NULL", "find without found");
  check_error(IMAGEGC_MISUSE, imagegc_find(store, NULL, &found, NULL), "image_id is NULL", "find NULL");
  check_error(IMAGEGC_MISUSE, imagegc_forget(store, NULL, NULL), "image_id is NULL", "forget NULL");
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, NULL, 0, 0, NULL, NULL, NULL), "remove is NULL",
              "prune without a callback");
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, NULL, 1, 0, visit, &v, NULL), "in_use is NULL",
              "prune with a NULL of one");
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, &two_words, 1, 0, visit, &v, NULL), "is not an image ID",
              "prune with text that is not an image ID in use");
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, NULL, 0, -3, visit, &v, NULL), "threshold_seconds",
              "prune with threshold -3");
  check_error(IMAGEGC_MISUSE, imagegc_prune_list(store, NULL, 0, 0, NULL, NULL), "visit is NULL",
              "prune_list without a callback");
  check_error(IMAGEGC_MISUSE, imagegc_explain(store, NULL, 0, 0, NULL, NULL), "visit is NULL",
              "explain without a callback");
  check_error(IMAGEGC_MISUSE, imagegc_list(store, NULL, NULL), "visit is NULL", "list without a callback");
  check_error(IMAGEGC_MISUSE, imagegc_import(store, NULL, NULL), "path is NULL", "import NULL");
  check_error(IMAGEGC_MISUSE, imagegc_export(store, ""), "path is empty", "export to an empty path");
  check_error(IMAGEGC_MISUSE, imagegc_backup(store, "\xff"), "path is not valid UTF-8",
              "backup to a path that is not UTF-8");
  check(!*imagegc_last_error_path(), "misuse has no database path");
  imagegc_close(store);
}

void check_reasons(const char *directory) {
  imagegc_options options = {.size = sizeof options};
  imagegc_store store;

  write_file(in(directory, "text.db"), "This is a text, and no database at all; it must stay as it is.\n");
  options.database_path = in(directory, "text.db");
  check_error(IMAGEGC_NOT_OURS, imagegc_open(&options, &store), "text.db", "a text is not ours");
  check(!strcmp(imagegc_last_error_path(), options.database_path), "the path of the file that is not ours");
  options.database_path = in(directory, "missing/x.db");
  check_error(IMAGEGC_UNAVAILABLE, imagegc_open(&options, &store), "missing", "a missing directory is unavailable");
  options.database_path = directory;
  check_error(IMAGEGC_UNAVAILABLE, imagegc_open(&options, &store), directory, "a directory is unavailable");
  store = open_store(in(directory, "moved.db"));
  record(store, A);
  if (rename(in(directory, "moved.db"), in(directory, "moved-away.db"))) exit(2);
  check_error(IMAGEGC_MOVED, record(store, B), "moved.db", "a database that was moved away");
  imagegc_close(store);
}

#include "checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

void check(int ok, const char *what) {
  printf("%s  %s\n", ok ? "ok  " : "FAIL", what);
  if (!ok) failed = 1;
}

void check_error(int32_t expected, int32_t result, const char *words, const char *what) {
  const char *message = imagegc_last_error();
  int ok = result == expected && strstr(message, words) && !strstr(message, "(Parameter") && !strchr(message, '\n') &&
           !strstr(message, "System.") && !strstr(message, "DatabasePath");
  check(ok, what);
  printf("      %d %s\n", result, message);
  if (!ok) printf("      expected %d, with '%s'\n", expected, words);
}

const char *in(const char *directory, const char *name) {
  static char paths[8][4096];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

imagegc_store open_store(const char *path) {
  imagegc_options options = {.size = sizeof options, .database_path = path};
  imagegc_store store = 0;
  check(imagegc_open(&options, &store) == IMAGEGC_OK && store, "open");
  return store;
}

int32_t record(imagegc_store store, const char *image_id) { return imagegc_record(store, &image_id, 1); }

int is_tracked(imagegc_store store, const char *image_id) {
  int32_t found = -1;
  return imagegc_find(store, image_id, &found, NULL) == IMAGEGC_OK && found == 1;
}

void write_file(const char *path, const char *content) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(content, file) < 0 || fclose(file)) exit(2);
}

int has_failed(void) { return failed; }

visitor visitor_of(imagegc_store store) {
  visitor empty = {.store = store};
  empty.thread = pthread_self();
  return empty;
}

int32_t visit(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  self->calls++;
  if (!pthread_equal(self->thread, pthread_self()) || strncmp(image_id, "sha256:", 7) || last_used_at < 1000000000)
    self->wrong++;
  return self->answer;
}

/* killed DATABASE record: records images, and prints each after it was acknowledged, until it is killed.
   killed DATABASE: reads such lines, and fails unless every image in them is tracked. */
#include "imagegc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what) { return fprintf(stderr, "%s: %s\n", what, imagegc_last_error()), 1; }

int main(int argc, char **argv) {
  imagegc_options options = {.size = sizeof options, .database_path = argc > 1 ? argv[1] : NULL};
  imagegc_store store;
  char id[80], line[80];
  const char *ids[] = {id};
  long lines = 0;

  if (imagegc_open(&options, &store)) return fail("open");
  if (argc > 2) {
    for (unsigned long i = 0;; i++) {
      snprintf(id, sizeof id, "sha256:%032x%032lx", (unsigned)getpid(), i);
      if (imagegc_record(store, ids, 1)) return fail("record");
      int length = snprintf(line, sizeof line, "%s\n", id); /* One write: no line is torn. */
      if (write(1, line, (size_t)length) != length) return 1;
    }
  }

  for (; fgets(line, sizeof line, stdin); lines++) {
    int32_t found = 0;
    line[strcspn(line, "\n")] = 0;
    if (imagegc_find(store, line, &found, NULL)) return fail("find");
    if (!found) return fprintf(stderr, "%s was acknowledged and is lost\n", line), 1;
  }
  if (imagegc_close(store)) return fail("close");
  printf("%ld images were acknowledged, and all are there\n", lines);
  return lines == 0;
}

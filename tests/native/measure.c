/* measure DATABASE COUNT: prints the times to load, to open and to record, the memory and the number of threads.
   measure DATABASE COUNT DURABILITY: prints only the median time of a record, in microseconds. */
#define _GNU_SOURCE
#include "imagegc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) { /* Microseconds. */
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static long status(const char *field) { /* Of /proc/self/status. */
  char line[256];
  long value = -1;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, field, strlen(field))) value = atol(line + strlen(field));
  if (file) fclose(file);
  return value;
}

int main(int argc, char **argv) {
  imagegc_options options = {.size = sizeof options, .database_path = argc > 2 ? argv[1] : NULL};
  int count = argc > 2 ? atoi(argv[2]) : 0;
  double *times = calloc((size_t)count + 1, sizeof *times), start = now(), loaded, opened;
  imagegc_store store;
  char id[80];
  const char *ids[] = {id};

  if (argc > 3) options.durability = atoi(argv[3]);
  void *library = dlopen("libimagegc.so.0", RTLD_NOW);
  if (!library || !times) return fprintf(stderr, "%s\n", dlerror()), 1;
  loaded = now();
  __typeof__(imagegc_open) *open_store = (__typeof__(imagegc_open) *)(size_t)dlsym(library, "imagegc_open");
  __typeof__(imagegc_record) *record = (__typeof__(imagegc_record) *)(size_t)dlsym(library, "imagegc_record");
  if (open_store(&options, &store)) return 1;
  opened = now();
  for (int i = 0; i < count; i++) {
    snprintf(id, sizeof id, "sha256:%064x", (unsigned)i % 100);
    double before = now();
    if (record(store, ids, 1)) return 1;
    times[i] = now() - before;
  }
  qsort(times, (size_t)count, sizeof *times, ascending);
  if (argc > 3) return printf("%.1f\n", times[count / 2]), 0;
  printf("load %.1f ms, first open %.1f ms, record p50 %.0f us, p99 %.0f us\n", (loaded - start) / 1e3,
         (opened - loaded) / 1e3, times[count / 2], times[count * 99 / 100]);
  printf("RSS %.1f MB, address space %.2f GB, %ld threads\n", (double)status("VmRSS:") / 1e3,
         (double)status("VmSize:") / 1e6, status("Threads:"));
  return 0;
}

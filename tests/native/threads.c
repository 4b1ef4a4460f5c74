/* Several threads that use one store. */
#define _POSIX_C_SOURCE 200809L
#include "checks.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *record_many(void *context) {
  visitor *self = context;
  char id[80];
  for (int i = 0; i < 50; i++) {
    snprintf(id, sizeof id, "sha256:%032x%032x", (unsigned)self->answer, (unsigned)i);
    self->wrong += record(self->store, id) != 0;
    self->wrong += !is_tracked(self->store, id);
    self->calls += imagegc_record(self->store, NULL, 1) == IMAGEGC_MISUSE &&
                   strstr(imagegc_last_error(), "image_ids") != NULL;
  }
  return NULL;
}

static atomic_int recording; /* Threads that have recorded at least once. */

static void *record_until_closed(void *context) {
  visitor *self = context;
  self->inner = record(self->store, A);
  recording++;
  while (!self->inner) self->inner = record(self->store, A);
  self->wrong = !strstr(imagegc_last_error(), "not open");
  return NULL;
}

void check_threads(const char *directory) {
  imagegc_store store = open_store(in(directory, "threads.db"));
  struct timespec moment = {0, 1000 * 1000};
  pthread_t threads[8];
  visitor each[8], v = visitor_of(store);
  int wrong = 0, errors = 0;

  check_error(IMAGEGC_MISUSE, record(store, "main thread"), "main thread", "an error on the main thread");
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
  for (int i = 0; recording < 8 && i < 30 * 1000; i++) nanosleep(&moment, NULL);
  check(recording == 8, "8 threads record within 30 seconds");
  check(imagegc_close(store) == 0, "close while 8 threads record");
  for (int i = wrong = 0; i < 8; i++)
    pthread_join(threads[i], NULL), wrong += each[i].wrong + (each[i].inner != IMAGEGC_MISUSE);
  check(!wrong, "each of them gets IMAGEGC_MISUSE");
}

/* Callbacks that remove an image, fail, sleep, and call the library. */
#define _POSIX_C_SOURCE 200809L
#include "checks.h"

#include <string.h>
#include <time.h>

static int32_t visit_verdict(
    const char *image_id, int64_t last_used_at, int32_t verdict, int64_t prunable_at, void *context) {
  visitor *self = context;
  if (verdict < 0 || verdict > 4 || prunable_at < last_used_at) self->wrong++;
  else self->verdicts[verdict]++;
  return visit(image_id, last_used_at, context);
}

static int32_t remove_unless_b(const char *image_id, int64_t last_used_at, void *context) {
  visit(image_id, last_used_at, context);
  return strcmp(image_id, B) ? 0 : 7;
}

static int32_t record_again(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  struct timespec moment = {0, 30 * 1000 * 1000}; /* A removal by an engine takes time; this waits for nothing. */
  nanosleep(&moment, NULL);
  self->inner |= record(self->store, image_id);
  self->inner |= !is_tracked(self->store, image_id);
  self->inner |= imagegc_list(self->store, visit, self);
  return visit(image_id, last_used_at, context);
}

static int32_t prune_again(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  self->inner = imagegc_prune(self->store, NULL, 0, 0, visit, self, NULL);
  return visit(image_id, last_used_at, context);
}

static int32_t close_it(const char *image_id, int64_t last_used_at, void *context) {
  visitor *self = context;
  self->inner = imagegc_close(self->store);
  return visit(image_id, last_used_at, context);
}

void check_prune(const char *directory) {
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
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, name, 1, 0, visit, &v, &counts), "registry/app:1",
              "an ID in another form");
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
  check_error(IMAGEGC_MISUSE, imagegc_prune(store, NULL, 0, 0, close_it, &v, &counts), "not open",
              "a callback that closes the store");
  check(v.inner == 0 && v.calls == 1, "it was called once");
  check(imagegc_close(0) == 0, "close 0");
}

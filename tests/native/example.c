/* Records an image, then removes every image that no container used for 7 days.
   cc example.c -o example $(pkg-config --cflags --libs imagegc); example DATABASE [ID-IN-USE...] */
#include <imagegc.h>
#include <stdio.h>

static int32_t remove_image(const char *image_id, int64_t last_used_at, void *context) {
  (void)context;
  printf("remove %s, last used at %lld\n", image_id, (long long)last_used_at); /* Call the engine here. */
  return 0;                                                                    /* It is gone. */
}

static int fail(void) { return fprintf(stderr, "%s\n", imagegc_last_error()), 1; }

int main(int argc, char **argv) {
  imagegc_options options = {.size = sizeof options, .database_path = argc > 1 ? argv[1] : NULL};
  imagegc_store store;
  imagegc_prune_counts counts;
  const char *pulled[] = {"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};

  if (imagegc_open(&options, &store)) return fail();
  if (imagegc_record(store, pulled, 1)) return fail();
  if (imagegc_prune(store, (const char *const *)argv + 2, (size_t)argc - 2, IMAGEGC_DEFAULT, remove_image, NULL,
                    &counts))
    return fail();
  printf("%llu removed, %llu failed\n", (unsigned long long)counts.removed, (unsigned long long)counts.failed);
  return imagegc_close(store) ? fail() : 0;
}

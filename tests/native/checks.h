/* Declarations that the parts of the program host share. */
#ifndef CHECKS_H
#define CHECKS_H

#include "imagegc.h"

#include <pthread.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* Prints whether a check passed. */
void check(int ok, const char *what);

/* Checks a call that must fail: its error code, and its message, which must contain these words and none of .NET. */
void check_error(int32_t expected, int32_t result, const char *words, const char *what);

/* Returns 1 if a check failed. */
int has_failed(void);

/* Returns the path of a file in the directory; it is valid for the next seven calls. */
const char *in(const char *directory, const char *name);

void write_file(const char *path, const char *content);

imagegc_store open_store(const char *path);
int32_t record(imagegc_store store, const char *image_id);
int is_tracked(imagegc_store store, const char *image_id);

/* The context of the callbacks: what they received, and what they return. */
typedef struct {
  imagegc_store store;
  pthread_t thread;
  int calls, wrong, answer;
  int32_t verdicts[5];
  int32_t inner;
} visitor;

visitor visitor_of(imagegc_store store);
int32_t visit(const char *image_id, int64_t last_used_at, void *context);

void check_images(const char *directory);
void check_prune(const char *directory);
void check_files(const char *directory);
void check_options(const char *directory);
void check_misuse(const char *directory);
void check_reasons(const char *directory);
void check_threads(const char *directory);

#endif

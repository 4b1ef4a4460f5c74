/* A host that links another SQLite: both work side by side. own_sqlite DATABASE */
#include "imagegc.h"

#include <sqlite3.h>
#include <stdio.h>

static int count(void *context, int columns, char **values, char **names) {
  (void)columns, (void)names;
  return sscanf(values[0], "%d", (int *)context) != 1;
}

int main(int argc, char **argv) {
  imagegc_options options = {.size = sizeof options, .database_path = argc > 1 ? argv[1] : NULL};
  imagegc_store store;
  const char *ids[] = {"sha256:1", "sha256:2"};
  sqlite3 *own;
  int32_t found = 0;
  int rows = 0;

  if (sqlite3_open(":memory:", &own) || sqlite3_exec(own, "CREATE TABLE t AS SELECT 1", NULL, NULL, NULL)) return 1;
  if (imagegc_open(&options, &store) || imagegc_record(store, ids, 2) ||
      sqlite3_exec(own, "INSERT INTO t VALUES (2)", NULL, NULL, NULL) ||
      imagegc_find(store, "sha256:2", &found, NULL) ||
      sqlite3_exec(own, "SELECT count(*) FROM t", count, &rows, NULL) || imagegc_close(store))
    return fprintf(stderr, "%s %s\n", imagegc_last_error(), sqlite3_errmsg(own)), 1;
  sqlite3_close(own);
  printf("beside SQLite %s of the host\n", sqlite3_libversion());
  return found != 1 || rows != 2;
}

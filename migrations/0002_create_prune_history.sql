-- When and why images went. A row in removed_image is written in the transaction that forgets the image, so that
-- the history holds exactly what is gone. Both tables keep 90 days.

CREATE TABLE prune_run (
    prune_run_id      INTEGER NOT NULL PRIMARY KEY,
    pruned_at         INTEGER NOT NULL,   -- Unix seconds, UTC
    threshold_seconds INTEGER NOT NULL,
    tracked           INTEGER NOT NULL,   -- images tracked when the run began
    removed           INTEGER NOT NULL,   -- grows while the run goes on
    failed            INTEGER NOT NULL
);

CREATE TABLE removed_image (
    prune_run_id INTEGER NOT NULL,
    image_id     TEXT    NOT NULL,
    last_used_at INTEGER NOT NULL,        -- Unix seconds, UTC
    removed_at   INTEGER NOT NULL,        -- Unix seconds, UTC
    PRIMARY KEY (prune_run_id, image_id)
) WITHOUT ROWID;

CREATE VIEW prune_run_utc AS
SELECT prune_run_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', pruned_at, 'unixepoch') AS pruned_utc,
       round(threshold_seconds / 86400.0, 1) AS threshold_days,
       tracked,
       removed,
       failed
FROM prune_run
ORDER BY prune_run_id DESC;

CREATE VIEW removed_image_utc AS
SELECT removed_image.image_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', removed_image.removed_at, 'unixepoch') AS removed_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', removed_image.last_used_at, 'unixepoch') AS last_used_utc,
       round((prune_run.pruned_at - removed_image.last_used_at) / 86400.0, 1) AS unused_days,
       round(prune_run.threshold_seconds / 86400.0, 1) AS threshold_days
FROM removed_image
LEFT JOIN prune_run ON prune_run.prune_run_id = removed_image.prune_run_id
ORDER BY removed_image.prune_run_id DESC, removed_image.last_used_at, removed_image.image_id;

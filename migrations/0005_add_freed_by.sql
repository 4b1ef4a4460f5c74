-- Where the number of freed bytes comes from: from the engine, or from the growth of the free disk space.

ALTER TABLE removed_image ADD COLUMN freed_by TEXT CHECK (freed_by IN ('engine', 'disk'));

DROP VIEW removed_image_utc;
CREATE VIEW removed_image_utc AS
SELECT removed_image.image_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', removed_image.removed_at, 'unixepoch') AS removed_utc,
       strftime('%Y-%m-%dT%H:%M:%SZ', removed_image.last_used_at, 'unixepoch') AS last_used_utc,
       round((prune_run.pruned_at - removed_image.last_used_at) / 86400.0, 1) AS unused_days,
       round(prune_run.threshold_seconds / 86400.0, 1) AS threshold_days,
       prune_run.kind,
       removed_image.names,
       removed_image.size_bytes,
       removed_image.freed_bytes,
       removed_image.freed_by
FROM removed_image
LEFT JOIN prune_run ON prune_run.prune_run_id = removed_image.prune_run_id
ORDER BY removed_image.prune_run_id DESC, removed_image.last_used_at, removed_image.image_id;

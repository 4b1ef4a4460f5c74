-- A use is recorded as the running time of the device, which a wrong clock cannot change. Its wall time follows from
-- the row of its boot, so one row is corrected when the clock is set. Times are in milliseconds.
-- Also adds names and sizes of images, notes of the host, and why a prune ran.

CREATE TABLE boot (
    boot         INTEGER NOT NULL PRIMARY KEY,
    boot_id      TEXT    NOT NULL,  -- the kernel's boot ID and the time namespace; or an ID of the store
    ran_before   INTEGER NOT NULL,  -- how long the device ran in all earlier boots, as far as it was seen
    began_at     INTEGER NOT NULL,  -- wall time (Unix, UTC) at which this boot began, by its clock as last seen
    clock_set_at INTEGER NOT NULL,  -- how long this boot had run when its clock was last set, or first seen
    last_seen    INTEGER NOT NULL,  -- how long this boot had run when it was last seen
    CHECK (typeof(last_seen) = 'integer'
       AND typeof(ran_before) = 'integer' AND abs(ran_before) <= 253402300799999
       AND typeof(began_at) = 'integer' AND abs(began_at) <= 253402300799999
       AND clock_set_at BETWEEN 0 AND last_seen
       AND last_seen <= 253402300799999)
);

-- Boot 0 is for uses of which only the wall time is known. It began in 1970, and its clock was never set.
INSERT INTO boot (boot, boot_id, ran_before, began_at, clock_set_at, last_seen)
VALUES (0, 'wall time', 0, 0, 0, 253402300799999);

DROP VIEW image_use_utc;
ALTER TABLE image_use RENAME TO image_use_2;

CREATE TABLE image_use (
    image_id TEXT    NOT NULL PRIMARY KEY
        CHECK (typeof(image_id) = 'text'
           AND length(image_id) BETWEEN 1 AND 512
           AND image_id NOT GLOB '*[' || char(1) || '-' || char(32) || char(127) || ']*'),
    boot     INTEGER NOT NULL
        CHECK (typeof(boot) = 'integer' AND boot >= 0),
    ran_at   INTEGER NOT NULL       -- how long the device had run in all its boots at the last use
        CHECK (typeof(ran_at) = 'integer' AND ran_at BETWEEN 0 AND 253402300799999)
) WITHOUT ROWID;

INSERT INTO image_use (image_id, boot, ran_at)
SELECT image_id, 0, last_used_at * 1000
FROM image_use_2;

DROP TABLE image_use_2;

-- For people only. It is a table of its own, so that recording a use changes one narrow row.
CREATE TABLE image_description (
    image_id   TEXT    NOT NULL PRIMARY KEY,
    names      TEXT    NOT NULL,    -- separated by spaces
    size_bytes INTEGER
) WITHOUT ROWID;

-- Small facts of the host, such as how far it has read the engine's events.
CREATE TABLE note (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

ALTER TABLE prune_run ADD COLUMN kind TEXT NOT NULL DEFAULT 'scheduled'
    CHECK (kind IN ('scheduled', 'disk-pressure', 'manual', 'gone'));  -- gone: something else removed the images
ALTER TABLE prune_run ADD COLUMN freed_bytes INTEGER;
ALTER TABLE removed_image ADD COLUMN names TEXT;
ALTER TABLE removed_image ADD COLUMN size_bytes INTEGER;
ALTER TABLE removed_image ADD COLUMN freed_bytes INTEGER;

CREATE VIEW image_use_utc AS
SELECT used.image_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', used.last_used_at / 1000, 'unixepoch') AS last_used_utc,
       round((CAST(strftime('%s', 'now') AS INTEGER) - used.last_used_at / 1000) / 86400.0, 1) AS age_days,
       image_description.names,
       image_description.size_bytes
FROM (
    SELECT image_use.image_id,
           boot.began_at - boot.ran_before + image_use.ran_at AS last_used_at
    FROM image_use
    LEFT JOIN boot ON boot.boot = image_use.boot) AS used
LEFT JOIN image_description ON image_description.image_id = used.image_id
ORDER BY used.last_used_at, used.image_id;

DROP VIEW prune_run_utc;
CREATE VIEW prune_run_utc AS
SELECT prune_run_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', pruned_at, 'unixepoch') AS pruned_utc,
       kind,
       round(threshold_seconds / 86400.0, 1) AS threshold_days,
       tracked,
       removed,
       failed,
       freed_bytes
FROM prune_run
ORDER BY prune_run_id DESC;

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
       removed_image.freed_bytes
FROM removed_image
LEFT JOIN prune_run ON prune_run.prune_run_id = removed_image.prune_run_id
ORDER BY removed_image.prune_run_id DESC, removed_image.last_used_at, removed_image.image_id;

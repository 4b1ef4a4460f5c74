-- Which images this runtime deployed and when each was last used.
-- The file must open in the sqlite3 CLI back to 3.26, so nothing newer may be used here.

CREATE TABLE image_use (
    image_id     TEXT    NOT NULL PRIMARY KEY
        CHECK (typeof(image_id) = 'text'
           AND length(image_id) BETWEEN 1 AND 512
           AND image_id NOT GLOB '*[' || char(1) || '-' || char(32) || char(127) || ']*'),
    last_used_at INTEGER NOT NULL   -- Unix seconds, UTC; the upper bound is the last second of the year 9999
        CHECK (typeof(last_used_at) = 'integer'
           AND last_used_at BETWEEN 0 AND 253402300799)
) WITHOUT ROWID;

CREATE VIEW image_use_utc AS
SELECT image_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_used_at, 'unixepoch') AS last_used_utc,
       round((CAST(strftime('%s', 'now') AS INTEGER) - last_used_at) / 86400.0, 1) AS age_days
FROM image_use
ORDER BY last_used_at, image_id;

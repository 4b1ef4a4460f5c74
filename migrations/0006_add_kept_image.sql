-- Images that people keep, however long they are unused: names, IDs (which can be shortened) and globs.

CREATE TABLE kept_image (
    pattern  TEXT NOT NULL PRIMARY KEY,
    kept_utc TEXT NOT NULL    -- since when, for people
) WITHOUT ROWID;

-- 1: the image has lost its names. The last ones are still shown, but they keep nothing.
ALTER TABLE image_description ADD COLUMN names_lost INTEGER NOT NULL DEFAULT 0;

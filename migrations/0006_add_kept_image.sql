-- What a person keeps, however long nobody uses it: names, IDs that may be shortened, and globs.

CREATE TABLE kept_image (
    pattern  TEXT NOT NULL PRIMARY KEY,
    kept_utc TEXT NOT NULL    -- since when, for people
) WITHOUT ROWID;

-- The engine has no name for the image any more; those that it last had are still shown, and keep nothing.
ALTER TABLE image_description ADD COLUMN names_lost INTEGER NOT NULL DEFAULT 0;

-- What a cleanup learned of an image that is still tracked. A row tells of one use: of an image that was used since,
-- it tells nothing any more.

-- Images that the engine did not list.
CREATE TABLE missing_image (
    image_id  TEXT    NOT NULL PRIMARY KEY,
    boot      INTEGER NOT NULL,
    ran_at    INTEGER NOT NULL,
    missed_at INTEGER NOT NULL   -- how long the device had run in all its boots when that was noticed, in milliseconds
) WITHOUT ROWID;

-- Images that could not be removed: the next prune tries them last.
CREATE TABLE failed_removal (
    image_id TEXT    NOT NULL PRIMARY KEY,
    boot     INTEGER NOT NULL,
    ran_at   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER forget_what_was_known_of_an_image
AFTER DELETE ON image_use
BEGIN
    DELETE FROM image_description WHERE image_id = OLD.image_id;
    DELETE FROM missing_image WHERE image_id = OLD.image_id;
    DELETE FROM failed_removal WHERE image_id = OLD.image_id;
END;

-- What a cleanup found out about images that are still tracked. A row is valid for one use: once the image is used
-- again, the row no longer counts.

-- Images that the engine did not list.
CREATE TABLE missing_image (
    image_id  TEXT    NOT NULL PRIMARY KEY,
    boot      INTEGER NOT NULL,
    ran_at    INTEGER NOT NULL,
    missed_at INTEGER NOT NULL   -- running time of the device when it was first missed, in milliseconds
) WITHOUT ROWID;

-- Images whose removal failed. The next prune tries them last.
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

-- Which making of a session's id it is; NULL: made before there was more than one.
ALTER TABLE sessions ADD COLUMN generation BLOB;
-- The bytes of it that were handed out, as ranges; NULL: the first downloaded_bytes of them.
ALTER TABLE sessions ADD COLUMN handed_out BLOB;

-- Who reads a session, and what was handed out to whom: what the records of its downloads rest on.
CREATE TABLE readings (
    session    BLOB NOT NULL REFERENCES sessions (session) ON DELETE CASCADE,
    -- In the order in which they began.
    place      INTEGER NOT NULL,
    login      BLOB NOT NULL,
    address    TEXT NOT NULL,
    handed_out BLOB NOT NULL,
    certain    BLOB NOT NULL,
    ended      INTEGER NOT NULL,
    PRIMARY KEY (session, place)
);

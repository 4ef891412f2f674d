-- The files that hold events.
CREATE TABLE objects (
    object     BLOB PRIMARY KEY,
    domain     BIGINT NOT NULL REFERENCES domains (domain),
    day        INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    path       TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256     BLOB NOT NULL
);
CREATE INDEX objects_by_hour ON objects (domain, day, hour, object);

-- Segments are permanent: the count, size and root of a sealed run of events. "position" orders them in their object.
CREATE TABLE segments (
    segment    BLOB PRIMARY KEY,
    object     BLOB NOT NULL REFERENCES objects (object) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    count      BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    root       BLOB NOT NULL
);
CREATE INDEX segments_by_object ON segments (object, position);

-- What each hour holds, kept up to date by the transactions that seal and delete.
CREATE TABLE hour_totals (
    domain     BIGINT NOT NULL REFERENCES domains (domain),
    day        INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    count      BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (domain, day, hour)
);

-- Events of a domain in frames up to this sequence number are sealed; later ones are still in the write-ahead log.
CREATE TABLE sealed_to (
    domain   BIGINT PRIMARY KEY REFERENCES domains (domain),
    sequence BIGINT NOT NULL
);

-- Paths whose bytes do not belong to the archive and are to be erased: those of deleted objects, and those of objects
-- that are being written, until the transaction that seals them takes them out.
CREATE TABLE waste (
    path TEXT PRIMARY KEY
);

-- The runs of sealed events' keys, each an object in the bucket.

CREATE TABLE dedup_runs (
    name        TEXT COLLATE "C" PRIMARY KEY,
    -- The node that wrote it last.
    incarnation BYTEA NOT NULL REFERENCES nodes,
    -- Whether the object is whole, and counts.
    whole       BOOLEAN NOT NULL,
    size_bytes  BIGINT NOT NULL,
    sha256      BYTEA NOT NULL
);

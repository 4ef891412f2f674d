-- The files of the search index. A row is inserted once its file is durable, and goes with any event that the file has:
-- "segments" are all in the archive, 16 bytes each. "footer_sha256" vouches for the file. A file of another version than
-- the server's is as good as none.
CREATE TABLE index_files (
    path          TEXT PRIMARY KEY,
    domain        BIGINT NOT NULL REFERENCES domains (domain),
    day           INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    events        BIGINT NOT NULL,
    size_bytes    BIGINT NOT NULL,
    footer_bytes  INTEGER NOT NULL,
    footer_sha256 BLOB NOT NULL,
    segments      BLOB NOT NULL
);
CREATE INDEX index_files_by_day ON index_files (domain, day);

-- The files of which no event is in a range that is being removed.
CREATE VIEW current_index_files AS SELECT f.* FROM index_files f WHERE NOT EXISTS (
    SELECT 1 FROM removed_ranges r WHERE r.domain = f.domain AND f.day BETWEEN r.first_day AND r.last_day);

-- The name of the mark in the directory to which these rows belong. A directory without it has none of the files.
CREATE TABLE index_home (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    mark TEXT NOT NULL
);

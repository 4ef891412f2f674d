-- The logs of a domain, one for each epoch; the one with the highest number is the current one. "tree" and "control" are
-- the trees over its records and over its control list.
CREATE TABLE logs (
    log     INTEGER PRIMARY KEY,
    domain  BIGINT NOT NULL REFERENCES domains (domain),
    epoch   TEXT NOT NULL,
    size    BIGINT NOT NULL,
    tree    BLOB NOT NULL,
    control BLOB NOT NULL,
    UNIQUE (domain, epoch)
);

-- Every record with the entry that it commits. "list" is the day of the entry's list, or -1 for the control list;
-- "nodes" are the hashes of all complete subtrees of the log that end with this record, the record's own leaf first.
CREATE TABLE log_records (
    log      BIGINT NOT NULL REFERENCES logs (log),
    position BIGINT NOT NULL,
    list     BIGINT NOT NULL,
    place    BIGINT NOT NULL,
    entry    TEXT NOT NULL,
    record   TEXT NOT NULL,
    nodes    BLOB NOT NULL,
    PRIMARY KEY (log, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX log_records_by_list ON log_records (log, list, place);

-- The tree over each day's list.
CREATE TABLE day_lists (
    log  BIGINT NOT NULL REFERENCES logs (log),
    day  BIGINT NOT NULL,
    tree BLOB NOT NULL,
    PRIMARY KEY (log, day)
) WITHOUT ROWID;

-- The roots of the subtrees of "days" over 256 days each: the days from 256 * "part" on.
CREATE TABLE day_parts (
    log  BIGINT NOT NULL REFERENCES logs (log),
    part BIGINT NOT NULL,
    root BLOB NOT NULL,
    PRIMARY KEY (log, part)
) WITHOUT ROWID;

-- Changes of the signing key: the new verifier key, and the note by which the key before endorses it for this server.
CREATE TABLE key_changes (
    change      INTEGER PRIMARY KEY,
    endorsement TEXT NOT NULL
);

-- The evidence that goes with a session, as it is handed out.
CREATE TABLE receipts (
    session BLOB PRIMARY KEY REFERENCES sessions (session) ON DELETE CASCADE,
    text    TEXT NOT NULL
);

-- Legal holds that stand. "at_account_level" tells those that were set for the whole account.
CREATE TABLE holds (
    domain           BIGINT NOT NULL REFERENCES domains (domain),
    at_account_level INTEGER NOT NULL,
    reason           TEXT NOT NULL,
    actor            TEXT NOT NULL,
    since            BIGINT NOT NULL,
    PRIMARY KEY (domain, at_account_level)
);

-- Hashes of the subtrees over 1,024 events each; NULL when there is one only.
ALTER TABLE segments ADD COLUMN subtrees BLOB;

-- When retention took the object out of the archive. Its bytes stay while a session has pinned them.
ALTER TABLE objects ADD COLUMN retired BIGINT;
CREATE INDEX objects_retired ON objects (retired) WHERE retired IS NOT NULL;

-- Where the domains' logs stood when the session was made: a line for each, with domain, size and root.
ALTER TABLE sessions ADD COLUMN checkpoints TEXT NOT NULL DEFAULT '';

-- Events about the use of the archive that wait for space in the write-ahead log.
CREATE TABLE set_aside (
    place  INTEGER PRIMARY KEY,
    domain BIGINT NOT NULL REFERENCES domains (domain),
    day    INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    line   BLOB NOT NULL
);

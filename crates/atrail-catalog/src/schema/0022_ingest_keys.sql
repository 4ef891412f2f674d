-- Keys that only send, to one domain: that of "space", or without it the account's own. No user holds them. "key" is the
-- public part; of a secret only its SHA-256 is kept. After a rotation the secret before it, "previous", works until
-- "previous_until". "login" names the requests with the key, as in api_keys.
CREATE TABLE ingest_keys (
    key            TEXT PRIMARY KEY,
    login          BLOB NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    account        BLOB NOT NULL REFERENCES accounts (guid),
    space          BLOB REFERENCES spaces (guid) ON DELETE CASCADE,
    hash           BLOB NOT NULL,
    previous       BLOB,
    previous_until BIGINT,
    -- The format of its events where a request names none, and whether events of no known form are refused.
    format         TEXT,
    strict         INTEGER NOT NULL,
    -- Whether its secrets follow from a secret of the server, the public part and the number of the secret, so that the
    -- server can check signatures that senders make with it.
    signs          INTEGER NOT NULL,
    generation     BIGINT NOT NULL,
    -- SHA-256 of a client certificate that stands for the key.
    certificate    BLOB UNIQUE,
    maker          TEXT NOT NULL,
    created        BIGINT NOT NULL,
    rotated        BIGINT,
    used           BIGINT,
    -- When the server last stored an event of it, and what it did with events since the key was made.
    received       BIGINT,
    accepted       BIGINT NOT NULL DEFAULT 0,
    duplicates     BIGINT NOT NULL DEFAULT 0,
    refused        BIGINT NOT NULL DEFAULT 0,
    bytes          BIGINT NOT NULL DEFAULT 0,
    -- After how many seconds without an event the sender counts as silent; whether it does, since when that is so or is so
    -- no longer, when its last event came before that or when it had fallen silent, and whether the domain has the event
    -- about it.
    silent_after   BIGINT,
    silent         INTEGER NOT NULL DEFAULT 0,
    turned         BIGINT,
    turned_after   BIGINT,
    turn_recorded  INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX ingest_keys_by_name ON ingest_keys (account, name);
CREATE INDEX ingest_keys_by_space ON ingest_keys (space);

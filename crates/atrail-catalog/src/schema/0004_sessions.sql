CREATE TABLE sessions (
    session          BLOB PRIMARY KEY,
    owner            BLOB NOT NULL,
    space            BLOB,
    account          BLOB NOT NULL REFERENCES accounts (guid),
    at_account_level INTEGER NOT NULL,
    first_day        INTEGER NOT NULL,
    last_day         INTEGER NOT NULL,
    first_hour       INTEGER NOT NULL,
    last_hour        INTEGER NOT NULL,
    created          BIGINT NOT NULL,
    accessed         BIGINT NOT NULL,
    events           BIGINT NOT NULL,
    size_bytes       BIGINT NOT NULL,
    total_bytes      BIGINT NOT NULL,
    downloaded_bytes BIGINT NOT NULL,
    manifest         BLOB NOT NULL,
    etag             BLOB NOT NULL,
    gone             TEXT
);
CREATE INDEX sessions_by_owner ON sessions (owner, space);
CREATE INDEX sessions_by_account ON sessions (account);

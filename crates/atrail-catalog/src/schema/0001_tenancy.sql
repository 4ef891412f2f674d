CREATE TABLE accounts (
    guid    BLOB PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL
);

CREATE TABLE organizations (
    guid    BLOB PRIMARY KEY,
    account BLOB NOT NULL REFERENCES accounts (guid),
    name    TEXT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (account, name)
);

CREATE TABLE spaces (
    guid         BLOB PRIMARY KEY,
    organization BLOB NOT NULL REFERENCES organizations (guid),
    name         TEXT NOT NULL,
    created      BIGINT NOT NULL,
    UNIQUE (organization, name)
);

-- One row per account and per space; "space" is NULL for the account's own domain. Rows outlive their space.
CREATE TABLE domains (
    domain  INTEGER PRIMARY KEY,
    account BLOB NOT NULL REFERENCES accounts (guid),
    space   BLOB
);
CREATE UNIQUE INDEX domains_of_spaces ON domains (space) WHERE space IS NOT NULL;
CREATE UNIQUE INDEX domains_of_accounts ON domains (account) WHERE space IS NULL;
CREATE INDEX domains_by_account ON domains (account);

CREATE TABLE users (
    guid     BLOB PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, -- Argon2id, PHC string
    operator INTEGER NOT NULL,
    created  BIGINT NOT NULL
);

-- "key" is the public part; of the secret only its SHA-256 is kept.
CREATE TABLE api_keys (
    key     TEXT PRIMARY KEY,
    holder  BLOB NOT NULL REFERENCES users (guid),
    name    TEXT NOT NULL,
    hash    BLOB NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX api_keys_by_holder ON api_keys (holder);

-- One row per login: the family of refresh tokens and access tokens that came of it.
CREATE TABLE logins (
    login   BLOB PRIMARY KEY,
    holder  BLOB NOT NULL REFERENCES users (guid),
    api_key TEXT REFERENCES api_keys (key) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX logins_by_holder ON logins (holder);
CREATE INDEX logins_by_api_key ON logins (api_key);
CREATE INDEX logins_by_end ON logins (expires);

-- Every refresh token of a living login, by its SHA-256. Exchanged ones stay, so that their reuse is seen.
CREATE TABLE refresh_tokens (
    hash      BLOB PRIMARY KEY,
    login     BLOB NOT NULL REFERENCES logins (login) ON DELETE CASCADE,
    issued    BIGINT NOT NULL,
    exchanged BIGINT
);
CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login, issued);

CREATE TABLE owners (
    account BLOB NOT NULL REFERENCES accounts (guid),
    holder  BLOB NOT NULL REFERENCES users (guid),
    PRIMARY KEY (account, holder)
);
CREATE INDEX owners_by_holder ON owners (holder);

CREATE TABLE developers (
    space  BLOB NOT NULL REFERENCES spaces (guid),
    holder BLOB NOT NULL REFERENCES users (guid),
    PRIMARY KEY (space, holder)
);
CREATE INDEX developers_by_holder ON developers (holder);

-- Who holds which role, of an account or, with "space", of a space. Those that are "claimed" came of what an identity
-- provider said at the user's last login there; the next login there replaces them.
CREATE TABLE roles (
    holder  BLOB NOT NULL REFERENCES users (guid) ON DELETE CASCADE,
    role    TEXT NOT NULL,
    account BLOB NOT NULL REFERENCES accounts (guid),
    space   BLOB REFERENCES spaces (guid) ON DELETE CASCADE,
    claimed INTEGER NOT NULL
);
CREATE UNIQUE INDEX roles_of_accounts ON roles (holder, account, role, claimed) WHERE space IS NULL;
CREATE UNIQUE INDEX roles_of_spaces ON roles (holder, space, role, claimed) WHERE space IS NOT NULL;
CREATE INDEX roles_by_account ON roles (account);
CREATE INDEX roles_by_space ON roles (space);
INSERT INTO roles (holder, role, account, space, claimed)
    SELECT holder, 'owner', account, NULL, 0 FROM owners;
INSERT INTO roles (holder, role, account, space, claimed)
    SELECT d.holder, 'developer', o.account, d.space, 0 FROM developers d
    JOIN spaces s ON s.guid = d.space JOIN organizations o ON o.guid = s.organization;
DROP TABLE owners;
DROP TABLE developers;

-- Users of an identity provider, by what it calls them. They have no password: theirs is the empty text.
CREATE TABLE external_users (
    issuer  TEXT NOT NULL,
    subject TEXT NOT NULL,
    holder  BLOB NOT NULL REFERENCES users (guid) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_users_by_holder ON external_users (holder);

-- "scopes" are words with spaces between them, NULL means all; "expires" is NULL for a key without an end.
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
ALTER TABLE api_keys ADD COLUMN expires BIGINT;
ALTER TABLE api_keys ADD COLUMN used BIGINT;

-- No refresh carries a login past this.
ALTER TABLE logins ADD COLUMN ends BIGINT;

-- An account that was deleted keeps its row, since its domains do; its name is free again.
ALTER TABLE accounts ADD COLUMN deleted BIGINT;

-- A role that an owner offered to somebody who held none in the account. "name" is what the owner wrote; "invitee" is the
-- user who had the name then, and NULL when nobody had it. An owner sees the same of both. A user who is deleted leaves
-- the row, and one who declines marks it: neither may be seen by who invited.
CREATE TABLE invitations (
    invitation BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    invitee    BLOB,
    role       TEXT NOT NULL,
    account    BLOB NOT NULL REFERENCES accounts (guid),
    space      BLOB REFERENCES spaces (guid) ON DELETE CASCADE,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    declined   INTEGER NOT NULL
);
CREATE UNIQUE INDEX invitations_of_accounts ON invitations (account, name, role) WHERE space IS NULL;
CREATE UNIQUE INDEX invitations_of_spaces ON invitations (space, name, role) WHERE space IS NOT NULL;
CREATE INDEX invitations_by_account ON invitations (account);
CREATE INDEX invitations_by_name ON invitations (name);
CREATE INDEX invitations_by_invitee ON invitations (invitee);
CREATE INDEX invitations_by_end ON invitations (expires);

-- The accounts that a user has used: what a user does with the own login is on record there, and not in each account that
-- gave a role. Whoever held a role before this step counts as having used its account.
CREATE TABLE account_uses (
    holder  BLOB NOT NULL REFERENCES users (guid) ON DELETE CASCADE,
    account BLOB NOT NULL REFERENCES accounts (guid),
    PRIMARY KEY (holder, account)
);
INSERT INTO account_uses (holder, account) SELECT DISTINCT holder, account FROM roles;

-- What a login by the key is about when a request names nothing: it stays so whatever roles its holder gets later.
ALTER TABLE api_keys ADD COLUMN account BLOB;
ALTER TABLE api_keys ADD COLUMN space BLOB;
UPDATE api_keys SET account = (
    SELECT MIN(r.account) FROM roles r WHERE r.holder = api_keys.holder AND NOT r.claimed
    HAVING COUNT(DISTINCT r.account) = 1);

-- A request may carry the key itself. "login" names all requests with the key, as if they were one login that lives as long
-- as the key; it is in no other table of logins.
ALTER TABLE api_keys ADD COLUMN login BLOB;
UPDATE api_keys SET login = randomblob(16);
CREATE UNIQUE INDEX api_keys_by_login ON api_keys (login);

-- Whether the key works nowhere but in its account, or, with "space", in that space. Keys from before this step work wherever
-- their holder does.
ALTER TABLE api_keys ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;
CREATE INDEX api_keys_by_account ON api_keys (account) WHERE bound;

-- The user who made the key for its holder; NULL: the holder.
ALTER TABLE api_keys ADD COLUMN maker BLOB;

-- The accounts that have a record of a login. Logins from before this step are on record where their users were recorded:
-- in the accounts used, and, of a user who had used none, in each that gave a role.
CREATE TABLE login_records (
    login   BLOB NOT NULL REFERENCES logins (login) ON DELETE CASCADE,
    account BLOB NOT NULL,
    PRIMARY KEY (login, account)
) WITHOUT ROWID;
-- The roles of a user; the indexes of step 7 contain those of spaces or of accounts alone.
CREATE INDEX roles_by_holder ON roles (holder, account);
INSERT INTO login_records (login, account)
    SELECT DISTINCT l.login, r.account FROM logins l JOIN roles r ON r.holder = l.holder
    WHERE EXISTS (SELECT 1 FROM account_uses u WHERE u.holder = l.holder AND u.account = r.account)
       OR NOT EXISTS (SELECT 1 FROM account_uses u JOIN roles q ON q.holder = u.holder AND q.account = u.account
                      WHERE u.holder = l.holder);

-- A session of a space without the space, which an earlier fault left, cannot be read.
DELETE FROM sessions WHERE NOT at_account_level AND space IS NULL;

-- "proven": when the user last proved who they are, by a password, a key, a link, or to the identity provider; NULL when
-- nobody said so. Providers' statements from before this are no proof of it: a provider may remember a login for days.
-- "made_by": the login whose link began this one, which ends with it.
ALTER TABLE logins ADD COLUMN proven BIGINT;
ALTER TABLE logins ADD COLUMN made_by BLOB REFERENCES logins (login) ON DELETE CASCADE;
UPDATE logins SET proven = created WHERE ends IS NULL;
CREATE INDEX logins_by_maker ON logins (made_by) WHERE made_by IS NOT NULL;

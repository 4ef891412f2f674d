-- As the step of SQLite with this number.
ALTER TABLE logins ADD COLUMN proven BIGINT;
ALTER TABLE logins ADD COLUMN made_by BYTEA REFERENCES logins (login) ON DELETE CASCADE;
UPDATE logins SET proven = created WHERE ends IS NULL;
CREATE INDEX logins_by_maker ON logins (made_by) WHERE made_by IS NOT NULL;

ALTER TABLE arrivals ADD COLUMN account BYTEA;
CREATE INDEX arrivals_by_account ON arrivals (account, age);

-- Whether an event that names an organization goes to the account's space of that name.
ALTER TABLE ingest_keys ADD COLUMN by_organization INTEGER NOT NULL DEFAULT 0;

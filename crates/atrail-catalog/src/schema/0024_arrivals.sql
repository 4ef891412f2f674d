-- When requests arrived whose events have ids of their senders, but no time of their own: such an event has the time of its
-- arrival, and the same request again has the same one, so that its events are stored once. "request" is the first half of
-- the SHA-256 of the domain and those ids; "age" is on the clock of ages. Rows are kept as long as duplicates are known.
CREATE TABLE arrivals (
    request BLOB PRIMARY KEY,
    time    BIGINT NOT NULL,
    age     BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX arrivals_by_age ON arrivals (age);

-- Events of hours that could not be sealed while others could: their domain's log counts as sealed, and they wait here.
CREATE TABLE set_apart (
    place  INTEGER PRIMARY KEY,
    domain BIGINT NOT NULL REFERENCES domains (domain),
    day    INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    line   BLOB NOT NULL
);
CREATE INDEX set_apart_by_hour ON set_apart (domain, day, hour);

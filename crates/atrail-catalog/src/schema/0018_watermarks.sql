-- Up to which sequence number of which log each domain's events are sealed. Sequence numbers mean something within one
-- log only; the log of a data directory is number 1.
CREATE TABLE watermarks (
    log INTEGER NOT NULL,
    domain INTEGER NOT NULL REFERENCES domains (domain),
    sequence INTEGER NOT NULL,
    PRIMARY KEY (log, domain)
) WITHOUT ROWID;

INSERT INTO watermarks (log, domain, sequence) SELECT 1, domain, sequence FROM sealed_to;

DROP TABLE sealed_to;

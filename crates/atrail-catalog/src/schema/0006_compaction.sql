-- Closed or not: hours that got an object since a compaction last found nothing to do there.
CREATE TABLE uncompacted (
    domain BIGINT NOT NULL REFERENCES domains (domain),
    day    INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    PRIMARY KEY (domain, day, hour)
);
INSERT INTO uncompacted (domain, day, hour)
    SELECT domain, day, hour FROM objects GROUP BY domain, day, hour HAVING COUNT(*) > 1;

-- Objects that were taken into another one: their bytes are those of "now_in" from "start" on. Kept while a session may
-- pin them. "moved" is no earlier than the creation of any session that does.
CREATE TABLE moved_objects (
    object BLOB PRIMARY KEY,
    now_in BLOB NOT NULL REFERENCES objects (object) ON DELETE CASCADE,
    start  BIGINT NOT NULL,
    moved  BIGINT NOT NULL
);
CREATE INDEX moved_objects_by_new ON moved_objects (now_in);
CREATE INDEX moved_objects_by_time ON moved_objects (moved);

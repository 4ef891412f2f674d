-- The manifest and the receipt of a session that has thousands of objects: megabytes, written in parts and in several transactions
-- before the session's own, so that no other writer waits for all of it. "making" is the session's generation, "kind" 0 for the
-- manifest and 1 for the receipt. Such a session has an empty "manifest" and no row in "receipts". Parts of a making that no session
-- has are waste, and are deleted part by part.
CREATE TABLE session_texts (
    making BLOB NOT NULL,
    kind   INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (making, kind, part)
);
CREATE INDEX sessions_by_generation ON sessions (generation);

-- How often objects of a domain were taken out of the archive or replaced. Who read them in an earlier transaction sees by it whether
-- they are still there.
ALTER TABLE domains ADD COLUMN removals BIGINT NOT NULL DEFAULT 0;
CREATE TRIGGER objects_deleted AFTER DELETE ON objects BEGIN
    UPDATE domains SET removals = removals + 1 WHERE domain = OLD.domain;
END;
CREATE TRIGGER objects_retired AFTER UPDATE OF retired ON objects BEGIN
    UPDATE domains SET removals = removals + 1 WHERE domain = OLD.domain;
END;

-- What was removed from the archive while its rows still stand: very many objects are removed by one small transaction, which
-- inserts a row here, and their rows go part by part afterwards. Whoever reads the archive leaves out what is in a range. No
-- event is added to a domain that has one. "retired" is the age at which retention removed them; NULL: they were deleted.
CREATE TABLE removed_ranges (
    domain     INTEGER PRIMARY KEY REFERENCES domains (domain),
    first_day  INTEGER NOT NULL,
    last_day   INTEGER NOT NULL,
    first_hour INTEGER NOT NULL,
    last_hour  INTEGER NOT NULL,
    retired    BIGINT
);

-- The objects in the archive.
CREATE VIEW current_objects AS SELECT o.* FROM objects o WHERE o.retired IS NULL AND NOT EXISTS (
    SELECT 1 FROM removed_ranges r WHERE r.domain = o.domain
        AND o.day BETWEEN r.first_day AND r.last_day AND o.hour BETWEEN r.first_hour AND r.last_hour);

-- The removal of a range counts once, when it is decided.
DROP TRIGGER objects_deleted;
CREATE TRIGGER objects_deleted AFTER DELETE ON objects WHEN NOT EXISTS (
    SELECT 1 FROM removed_ranges r WHERE r.domain = OLD.domain
        AND OLD.day BETWEEN r.first_day AND r.last_day AND OLD.hour BETWEEN r.first_hour AND r.last_hour)
BEGIN
    UPDATE domains SET removals = removals + 1 WHERE domain = OLD.domain;
END;
DROP TRIGGER objects_retired;
CREATE TRIGGER objects_retired AFTER UPDATE OF retired ON objects WHEN NOT EXISTS (
    SELECT 1 FROM removed_ranges r WHERE r.domain = OLD.domain
        AND OLD.day BETWEEN r.first_day AND r.last_day AND OLD.hour BETWEEN r.first_hour AND r.last_hour)
BEGIN
    UPDATE domains SET removals = removals + 1 WHERE domain = OLD.domain;
END;

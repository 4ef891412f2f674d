-- What each hour holds in all domains of an account together: counting an account reads a row an hour, however many
-- domains it has. The triggers keep it true, whichever statement inserts, updates or deletes rows of "hour_totals" (not
-- REPLACE, which deletes without telling triggers). A row of no events may stay; it counts for nothing.
CREATE TABLE account_hours (
    account    BLOB NOT NULL REFERENCES accounts (guid),
    day        INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    count      BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (account, day, hour)
) WITHOUT ROWID;
INSERT INTO account_hours (account, day, hour, count, size_bytes)
    SELECT d.account, t.day, t.hour, SUM(t.count), SUM(t.size_bytes)
    FROM hour_totals t JOIN domains d ON d.domain = t.domain GROUP BY d.account, t.day, t.hour;

CREATE TRIGGER hour_totals_inserted AFTER INSERT ON hour_totals BEGIN
    INSERT INTO account_hours (account, day, hour, count, size_bytes)
        SELECT account, NEW.day, NEW.hour, NEW.count, NEW.size_bytes FROM domains WHERE domain = NEW.domain
        ON CONFLICT (account, day, hour) DO UPDATE SET
            count = count + excluded.count, size_bytes = size_bytes + excluded.size_bytes;
END;
CREATE TRIGGER hour_totals_updated AFTER UPDATE ON hour_totals BEGIN
    UPDATE account_hours SET count = count - OLD.count, size_bytes = size_bytes - OLD.size_bytes
        WHERE account = (SELECT account FROM domains WHERE domain = OLD.domain) AND day = OLD.day AND hour = OLD.hour;
    INSERT INTO account_hours (account, day, hour, count, size_bytes)
        SELECT account, NEW.day, NEW.hour, NEW.count, NEW.size_bytes FROM domains WHERE domain = NEW.domain
        ON CONFLICT (account, day, hour) DO UPDATE SET
            count = count + excluded.count, size_bytes = size_bytes + excluded.size_bytes;
END;
CREATE TRIGGER hour_totals_deleted AFTER DELETE ON hour_totals BEGIN
    UPDATE account_hours SET count = count - OLD.count, size_bytes = size_bytes - OLD.size_bytes
        WHERE account = (SELECT account FROM domains WHERE domain = OLD.domain) AND day = OLD.day AND hour = OLD.hour;
    DELETE FROM account_hours
        WHERE account = (SELECT account FROM domains WHERE domain = OLD.domain) AND day = OLD.day AND hour = OLD.hour
            AND count = 0;
END;

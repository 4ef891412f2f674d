-- What the store knows of the time that passed: one row, written every minute. "passed" is the date up to which time is known
-- to have passed, whatever the machine's clock says; "ages" the clock that ages are told by: it never goes back and follows no
-- jump. Both in nanoseconds since 1970, and both begin as the date.
CREATE TABLE clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    passed   BIGINT NOT NULL,
    ages     BIGINT NOT NULL
);

-- "created" and "accessed" are dates, to be shown. When a session ends, and what it has pinned, is told by these, on the clock
-- of ages; "retired" of objects and "moved" of moved_objects are on it too.
ALTER TABLE sessions ADD COLUMN made_age BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN used_age BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET made_age = created, used_age = accessed;

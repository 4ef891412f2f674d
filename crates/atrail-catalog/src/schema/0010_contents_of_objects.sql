-- What an object's segments hold together, and their ids in order, 16 bytes each: a session reads a row an object, however
-- many segments that has. Fixed with the object, as its bytes are.
ALTER TABLE objects ADD COLUMN events BIGINT NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN events_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN segments BLOB NOT NULL DEFAULT x'';
UPDATE objects SET (events, events_bytes, segments) = (
    SELECT COALESCE(SUM(s.count), 0), COALESCE(SUM(s.size_bytes), 0),
        COALESCE(unhex(group_concat(hex(s.segment), '' ORDER BY s.position)), x'')
    FROM segments s WHERE s.object = objects.object
);

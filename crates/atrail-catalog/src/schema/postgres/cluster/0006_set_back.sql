-- As before, and refuses a node that has seen more of the log than there is: the database was set back under it.
CREATE OR REPLACE FUNCTION register_batch(
    of_log BIGINT, node BYTEA, nth BIGINT, its_frames BIGINT, seen BIGINT, its_domains TEXT, bytes BYTEA,
    OUT place BIGINT, OUT is_new BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
    own   BIGINT[] := ARRAY(SELECT value FROM json_each(its_domains));
    known BIGINT;
BEGIN
    is_new := FALSE;
    SELECT s.last INTO place FROM sequencer s WHERE s.log = of_log FOR UPDATE;
    IF NOT may_append(node) THEN
        RAISE EXCEPTION 'another atrail server took this one for dead' USING ERRCODE = 'AT002';
    END IF;
    IF seen > place THEN
        RAISE EXCEPTION 'the log is shorter than this server has seen it' USING ERRCODE = 'AT003';
    END IF;
    -- After the lock: an earlier try that still commits has held it until now.
    SELECT b.last INTO known FROM batches b WHERE b.incarnation = node AND b.number = nth;
    IF FOUND THEN
        place := known;
        RETURN;
    END IF;
    -- One statement, and so one moment: a batch is deleted after its domains' watermarks are recorded.
    IF EXISTS (SELECT 1 FROM batches b WHERE b.last > seen AND b.domains && own)
        OR EXISTS (SELECT 1 FROM watermarks w WHERE w.log = of_log AND w.domain = ANY (own) AND w.sequence > seen)
    THEN
        place := NULL;
        RETURN;
    END IF;
    place := place + its_frames;
    INSERT INTO batches (last, frames, incarnation, number, domains, body)
        VALUES (place, its_frames, node, nth, own, bytes);
    UPDATE sequencer s SET last = place WHERE s.log = of_log;
    is_new := TRUE;
END $$;

-- Removals of events: what is sealed may be gone after one.
ALTER TABLE removals ADD COLUMN deletions BIGINT NOT NULL DEFAULT 0;
CREATE INDEX erased_objects_at ON erased_objects (at);

-- A node that leaves waits for its own transactions that write.
CREATE FUNCTION leave_nodes(node BYTEA) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM nodes WHERE incarnation = node FOR UPDATE;
    UPDATE nodes SET fenced = TRUE WHERE incarnation = node;
END $$;

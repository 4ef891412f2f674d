-- The log that servers share: the unsealed batches of all of them, in one order without gaps. Whoever appends holds the
-- sequencer's row until its transaction ends, so that a batch becomes visible only after each batch before it.
CREATE TABLE sequencer (
    log  BIGINT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO sequencer (log, last) VALUES (2, 0);

CREATE TABLE batches (
    -- The number of its last frame.
    last        BIGINT PRIMARY KEY,
    frames      BIGINT NOT NULL,
    incarnation BYTEA NOT NULL,
    number      BIGINT NOT NULL,
    -- The domains that have events in it.
    domains     BIGINT[] NOT NULL,
    body        BYTEA NOT NULL,
    UNIQUE (incarnation, number)
);
-- It is compressed already.
ALTER TABLE batches ALTER COLUMN body SET STORAGE EXTERNAL;

-- Up to which number of which log signatures cover each domain.
CREATE TABLE signed_to (
    log      BIGINT NOT NULL,
    domain   BIGINT NOT NULL REFERENCES domains (domain),
    sequence BIGINT NOT NULL,
    PRIMARY KEY (log, domain)
);

-- Reports whether a server may append, by its incarnation.
CREATE FUNCTION may_append(node BYTEA) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$ SELECT TRUE $$;

-- Appends a batch, and returns its place; that of an earlier try, if there is one; or no place, if others have appended
-- or sealed something of its domains above the number that the server has seen.
CREATE FUNCTION register_batch(
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

-- Functions that SQLite has and PostgreSQL lacks, so that a statement has one text for both.

CREATE FUNCTION max(a BIGINT, b BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN a >= b THEN a WHEN a < b THEN b END $$;
CREATE FUNCTION min(a BIGINT, b BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN a <= b THEN a WHEN a > b THEN b END $$;
CREATE FUNCTION instr(whole TEXT, part TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT strpos(whole, part)::BIGINT $$;
CREATE FUNCTION zeroblob(length INTEGER) RETURNS BYTEA LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT decode(repeat('00', length), 'hex') $$;
CREATE FUNCTION smaller_bytes(a BYTEA, b BYTEA) RETURNS BYTEA LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT CASE WHEN a < b THEN a ELSE b END $$;
CREATE AGGREGATE min(BYTEA) (SFUNC = smaller_bytes, STYPE = BYTEA);
-- Only arrays of integers.
CREATE FUNCTION json_each(document TEXT) RETURNS TABLE (value BIGINT) LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100 AS
    $$ SELECT json_array_elements_text(document::JSON)::BIGINT $$;

-- The node that uses the catalog, and the data directory that belongs to it.
CREATE TABLE catalog_home (
    "only"      BIGINT PRIMARY KEY CHECK ("only" = 1),
    mark        TEXT COLLATE "C" NOT NULL,
    incarnation TEXT COLLATE "C" NOT NULL
);
-- Waits until no other transaction writes; fails when another node has begun to use the catalog since.
CREATE FUNCTION begin_write(node TEXT) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock(1635021426, 0);
    IF NOT EXISTS (SELECT 1 FROM catalog_home WHERE incarnation = node) THEN
        RAISE EXCEPTION 'another atrail server uses this catalog now' USING ERRCODE = 'AT001';
    END IF;
END $$;

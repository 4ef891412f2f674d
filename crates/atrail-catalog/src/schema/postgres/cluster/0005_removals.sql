-- How often something was removed that other nodes may still be serving, and up to where each node has noticed.
CREATE TABLE removals (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    last   BIGINT NOT NULL
);
INSERT INTO removals ("only", last) VALUES (1, 0);
ALTER TABLE nodes ADD COLUMN seen_removals BIGINT NOT NULL DEFAULT 0;

-- Reports whether a node may append to the log; until the transaction ends, nobody fences it.
CREATE OR REPLACE FUNCTION may_append(node BYTEA) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    PERFORM 1 FROM nodes WHERE incarnation = node AND NOT fenced FOR KEY SHARE;
    RETURN FOUND;
END $$;

-- Objects whose bytes are gone: each node lets go of its copies.
CREATE TABLE erased_objects (
    -- In the order of their commits: transactions that write take turns.
    number BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    path   TEXT COLLATE "C" NOT NULL,
    at     TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Domains that accept no events while a node finds out whether they may end, or because they have ended.
CREATE TABLE closing_domains (
    domain      BIGINT PRIMARY KEY REFERENCES domains,
    incarnation BYTEA NOT NULL REFERENCES nodes,
    ended_at    TIMESTAMPTZ
);

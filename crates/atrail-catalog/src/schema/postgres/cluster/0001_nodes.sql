-- The nodes that share the catalog, and who of them has which duty.

CREATE TABLE nodes (
    incarnation BYTEA PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    address     TEXT COLLATE "C" NOT NULL,
    joined_at   TIMESTAMPTZ NOT NULL,
    -- By the database's clock. From then on any other node may fence this one.
    lease_until TIMESTAMPTZ NOT NULL,
    -- Whether the node may write no more. It stays so.
    fenced      BOOLEAN NOT NULL
);
-- A claim without a node, or of a fenced one, is free.
CREATE TABLE claims (
    duty        TEXT COLLATE "C" PRIMARY KEY,
    number      BIGINT NOT NULL,
    incarnation BYTEA REFERENCES nodes
);

-- Fails when a node is fenced; until the transaction ends, nobody fences it.
CREATE FUNCTION refuse_fenced(node BYTEA) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM nodes WHERE incarnation = node AND NOT fenced FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another node has fenced this one, whose lease had ended' USING ERRCODE = 'AT002';
    END IF;
END $$;

-- As begin_write, for one of several nodes.
CREATE FUNCTION begin_write_of_node(node BYTEA) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock(1635021426, 0);
    PERFORM refuse_fenced(node);
END $$;

-- Fences a node whose lease has ended; returns whether the node is fenced. It waits for the node's transactions.
CREATE FUNCTION fence_if_ended(node BYTEA) RETURNS BOOLEAN LANGUAGE plpgsql AS $$ BEGIN
    -- Most nodes are not: their row stays unlocked.
    PERFORM 1 FROM nodes WHERE incarnation = node AND (fenced OR lease_until < clock_timestamp());
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM 1 FROM nodes WHERE incarnation = node AND (fenced OR lease_until < clock_timestamp()) FOR UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE nodes SET fenced = true WHERE incarnation = node AND NOT fenced;
    RETURN true;
END $$;

-- Claims a duty for a node; returns the claim's number, or null when another node has the duty.
CREATE FUNCTION claim_duty(wanted TEXT, node BYTEA) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    holder BYTEA;
    own    BIGINT;
BEGIN
    PERFORM refuse_fenced(node);
    INSERT INTO claims (duty, number, incarnation) VALUES (wanted, 1, node) ON CONFLICT (duty) DO NOTHING;
    IF FOUND THEN RETURN 1; END IF;
    SELECT incarnation INTO holder FROM claims WHERE duty = wanted FOR UPDATE;
    IF holder <> node THEN
        -- A node that has lost its own lease fences nobody: two such nodes would wait for each other.
        PERFORM 1 FROM nodes WHERE incarnation = node AND lease_until > clock_timestamp();
        IF NOT FOUND OR NOT fence_if_ended(holder) THEN RETURN NULL; END IF;
    END IF;
    UPDATE claims SET number = number + 1, incarnation = node WHERE duty = wanted RETURNING number INTO own;
    RETURN own;
END $$;

-- What nodes that share the catalog have signed.

CREATE TABLE checkpoints (
    origin TEXT COLLATE "C" NOT NULL,
    size   BIGINT NOT NULL,
    root   BYTEA NOT NULL,
    note   TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    -- In the order of their recording: transactions that write take turns.
    number BIGINT NOT NULL UNIQUE GENERATED ALWAYS AS IDENTITY,
    -- One root for an origin and size, for ever.
    PRIMARY KEY (origin, size)
);
CREATE INDEX checkpoints_by_domain ON checkpoints (domain, number);

-- The objects in the bucket whose checkpoints are recorded.
CREATE TABLE checkpoint_objects (
    path TEXT COLLATE "C" PRIMARY KEY
);

-- Why the next start must begin a new epoch, if it must.
CREATE TABLE epoch_demand (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    reason TEXT COLLATE "C" NOT NULL
);

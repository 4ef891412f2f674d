-- Texts that are sealed under the key that nodes have in a file.

CREATE TABLE sealed_secrets (
    name       TEXT COLLATE "C" PRIMARY KEY,
    -- Grows with each replacement.
    generation BIGINT NOT NULL,
    -- Which key it is sealed under.
    key_id     BYTEA NOT NULL,
    nonce      BYTEA NOT NULL,
    cipher     BYTEA NOT NULL
);

-- Variables, and the keys that secret ones are encrypted with.

-- One row per encryption key in use: its id and a known text sealed with it, so that a wrong key is noticed at the
-- start. The key itself is not here. Whoever seals a value holds the row of its key, so a key that is retired has no uses.
CREATE TABLE encryption_keys (
    key_id bytea PRIMARY KEY,
    check_value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Read by name; at most 10,000 rows.
CREATE TABLE variables (
    name text PRIMARY KEY,
    -- Either the text, or for a secret its ciphertext and the key's id.
    value text,
    sealed bytea,
    key_id bytea,
    expires_at timestamptz,
    created_by text,
    updated_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT variables_value_or_sealed CHECK ((value IS NULL) <> (sealed IS NULL)),
    CONSTRAINT variables_key_of_sealed CHECK ((key_id IS NULL) = (sealed IS NULL))
);
CREATE INDEX variables_by_key ON variables (key_id) WHERE key_id IS NOT NULL;

-- What people set for the whole fleet while it runs. A key that is not here has the value of the configuration.
CREATE TABLE settings (
    key text PRIMARY KEY,
    value text NOT NULL,
    updated_by text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Settings that hold secrets, such as the channels of notifications: `value` is what is shown, `sealed` all of it.
ALTER TABLE settings
    ADD COLUMN sealed bytea,
    ADD COLUMN key_id bytea,
    ADD CONSTRAINT settings_key_of_sealed CHECK ((key_id IS NULL) = (sealed IS NULL));
CREATE INDEX settings_by_key ON settings (key_id) WHERE key_id IS NOT NULL;

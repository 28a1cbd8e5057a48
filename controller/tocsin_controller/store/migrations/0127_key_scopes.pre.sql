-- Keys for a small part of the API: what their scopes name, and nothing that a role would allow.
ALTER TABLE api_keys ADD COLUMN scopes text[] NOT NULL DEFAULT '{}';
ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role_check
    CHECK (role IN ('admin', 'operator', 'viewer', 'agent', 'scoped'));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scopes_check CHECK ((role = 'scoped') = (scopes <> '{}'));

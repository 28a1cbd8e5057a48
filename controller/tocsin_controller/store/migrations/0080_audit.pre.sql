-- Who changed what, from where. Rows are only added: the database itself refuses to change or remove one, whatever asks,
-- but for `forget_audit`, which removes what is older than a day at least.
-- (Functions outlive their tables in a forced restore, hence OR REPLACE.)

CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- The key that was shown; its name as it was then, because keys go.
    actor_key_id uuid,
    actor_key_name text NOT NULL,
    -- The address that the request came from; NULL for the command line on the controller's host.
    actor_address text,
    -- As events are named: `job.updated`.
    operation text NOT NULL,
    resource_type text NOT NULL,
    resource_id text,
    -- One sentence for people. Never a value that may be secret.
    details text,
    -- {"field": {"old": ..., "new": ...}}; values of fields that may hold secrets are left out.
    changes jsonb
);
CREATE INDEX audit_log_by_operation ON audit_log (operation, id);

CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- Of an empty table nothing is lost; a restore does this.
        IF NOT EXISTS (SELECT FROM audit_log) THEN
            RETURN NULL;
        END IF;
    ELSIF TG_OP = 'DELETE' AND current_setting('tocsin.forgets_audit', true) = 'on'
        AND OLD.at < now() - interval '1 day' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_log_keeps_all BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- The only way out: at most so many of the rows from before that instant, oldest first; how many went.
CREATE OR REPLACE FUNCTION forget_audit(kept_since timestamptz, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    gone int;
BEGIN
    PERFORM set_config('tocsin.forgets_audit', 'on', true);
    DELETE FROM audit_log WHERE id IN (
        SELECT id FROM (SELECT id, at FROM audit_log ORDER BY id LIMIT most) AS oldest WHERE at < kept_since
    );
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('tocsin.forgets_audit', 'off', true);
    RETURN gone;
END $$;

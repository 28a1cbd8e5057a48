-- An epoch begins: the part of the database that was lost may have handed out what waits here, and heard of the start of
-- what was handed out here. Neither may be handed out again (G2); what was held back here may have been let go there.
-- Retries whose time had not come yet can't have been handed out. Whole tables: by hand only.
WITH doubted AS (
    UPDATE queue
    SET uncertain_since = now(), ready_at = 'infinity'
    WHERE ready_at IS NULL OR ready_at <= now() OR ready_at = 'infinity' OR uncertain_since IS NOT NULL
    RETURNING execution_id
), begun AS (
    UPDATE leases SET started = true WHERE NOT started
)
SELECT count(*) FROM doubted

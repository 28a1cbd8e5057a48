-- Somebody wants these ended; they have ended, but are not to be tried again. Index: primary key.
UPDATE unjudged_results SET is_cancel_requested = true WHERE execution_id = ANY($1::uuid[])

-- Answers to repeated requests are kept for a day. Index: idempotency_keys_by_age.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day'

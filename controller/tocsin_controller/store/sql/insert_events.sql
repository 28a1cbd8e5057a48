-- Adds events, all or none, in the transaction of what they tell. Index: primary key.
INSERT INTO events (id, kind, severity, message, job_id, run_id, execution_id, agent_id, api_key_id, api_key_name,
                    details)
SELECT *
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
            $9::uuid[], $10::text[], $11::text[])

-- Keeps tickers off the job until the transaction ends. Comes before lock_job, as in the ticker. Index: primary key.
SELECT job_id FROM timers WHERE job_id = $1 FOR UPDATE

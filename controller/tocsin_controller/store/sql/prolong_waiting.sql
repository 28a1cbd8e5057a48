-- Nobody could take these while the service was away: they wait at least so long from now. Index: queue_expiry.
UPDATE queue SET expires_at = now() + make_interval(secs => $1)
WHERE expires_at < now() + make_interval(secs => $1)

-- Up to where minutes have been counted.
SELECT counted_until FROM counting

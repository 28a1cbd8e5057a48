-- Executions with ids in [$3, $2) whose output has the words of a web search's text, newest first, at most $4. Of one job,
-- or with one status, when $5 or $6 say so. Index: output_search_words for rare words, the primary key for common ones.
SELECT s.id
FROM output_search AS s
WHERE s.words @@ websearch_to_tsquery('simple', $1) AND s.id < $2 AND s.id >= $3
    AND (($5::uuid IS NULL AND $6::text IS NULL) OR EXISTS (
        SELECT FROM executions AS e
        WHERE e.id = s.id AND ($5 IS NULL OR e.job_id = $5) AND ($6 IS NULL OR e.status = $6)
    ))
ORDER BY s.id DESC
LIMIT $4

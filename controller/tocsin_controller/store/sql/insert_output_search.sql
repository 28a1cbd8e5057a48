-- Makes what these executions printed findable, given as words with spaces between them. Index: primary key.
INSERT INTO output_search (id, words)
SELECT w.id, to_tsvector('simple', w.text) FROM unnest($1::uuid[], $2::text[]) AS w (id, text)
ON CONFLICT (id) DO UPDATE SET words = excluded.words

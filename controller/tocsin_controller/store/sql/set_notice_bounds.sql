-- Keeps what was counted; the caller has locked the rows. Index: primary key.
UPDATE notice_bounds AS b
SET began_at = f.began_at, told = f.told, held_back = f.held_back
FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::int[]) AS f (about, began_at, told, held_back)
WHERE b.about = f.about

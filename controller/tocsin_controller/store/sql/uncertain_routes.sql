-- Which of these the lost part of the database may have handed out, and who could have got them. Index: primary key.
SELECT execution_id, route, fence FROM queue WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NOT NULL

-- name: offsets
SELECT letter.record_offset FROM dead_letter_summary AS letter
WHERE letter.topic = $2 AND letter.partition = $3 AND NOT EXISTS (
    SELECT FROM applied WHERE region = $1 AND journal_offset = letter.record_offset
);

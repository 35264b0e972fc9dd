-- name: extents
-- What of one segment is still needed, in the order in which it lies there.
SELECT seq, segment_offset, size_octets, crc FROM message INDEXED BY message_segment WHERE segment = ?
ORDER BY segment_offset

-- name: segment_ends
-- How far each needed segment must reach. Asked once for a copy: the rows themselves are read.
SELECT segment, max(segment_offset + size_octets) FROM message INDEXED BY message_segment
WHERE segment IS NOT NULL GROUP BY segment

-- name: inline_contents
-- Every content that lies in the database, with what its message says of it. Reads all of them: that is the question.
SELECT content.seq, content.octets, message.size_octets, message.crc
FROM content JOIN message ON message.seq = content.seq

-- name: without_content
-- Messages that still wait and whose content is nowhere.
SELECT DISTINCT r.seq FROM recipient AS r LEFT JOIN message AS m ON m.seq = r.seq
WHERE r.settled_at IS NULL AND m.segment IS NULL AND NOT EXISTS (SELECT 1 FROM content WHERE content.seq = r.seq)

-- name: n_messages
-- How many messages there are, finished ones and their history, too.
SELECT count(*) FROM message

-- name: n_waiting
-- Messages with a recipient that is not settled.
SELECT count(DISTINCT seq) FROM recipient WHERE settled_at IS NULL

-- name: n_in_state
-- Messages with a recipient in a state.
SELECT count(DISTINCT seq) FROM recipient WHERE state = ?

-- name: n_owed
-- Reports that senders have not got.
SELECT count(*) FROM recipient INDEXED BY recipient_owing WHERE owes <> ''

-- name: mark_doubtful
-- What waited when a copy was taken may have been delivered since.
UPDATE recipient SET possible_duplicate = 1 WHERE settled_at IS NULL

-- name: note_restored
-- One line of history for each message that waits. ?1 instant, ?2 name of the event, ?3 words
INSERT INTO event (at, seq, n, name, detail)
SELECT ?1, seq, -1, ?2, ?3 FROM recipient WHERE settled_at IS NULL GROUP BY seq

-- name: step_ahead
-- Numbers that the store gave after the copy was taken must not be given again.
UPDATE meta SET value = max(value, (SELECT coalesce(max(seq), 0) FROM message) + 1) + ?1 WHERE key = 'next_seq'

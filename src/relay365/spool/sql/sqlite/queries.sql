-- name: insert_message
-- One accepted message.
INSERT INTO message (seq, accepted_at, expires_at, size_octets, reverse_path, body, smtputf8, ret, envid, trace,
  message_id, header_from, submitter, segment, segment_offset, crc)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: insert_content
-- A content that is small enough to stay inside the database.
INSERT INTO content (seq, octets) VALUES (?, ?)

-- name: insert_recipient
-- One recipient, due at once.
INSERT INTO recipient (seq, n, address, notify, orcpt, state, lane, next_attempt_at) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)

-- name: insert_event
-- Every move of a recipient leaves one line of history.
INSERT INTO event (at, seq, n, name, detail) VALUES (?, ?, ?, ?, ?)

-- name: find_due
-- The due recipients of a lane, in the order of the index; the caller stops reading when it has enough messages.
SELECT seq FROM recipient INDEXED BY recipient_due
WHERE state = 'queued' AND lane = ? AND next_attempt_at <= ? ORDER BY next_attempt_at, seq

-- name: claim
-- Take the due recipients of one message in one lane.
UPDATE recipient SET state = 'claimed', lease = ?, lease_until_at = ?
WHERE seq = ? AND lane = ? AND state = 'queued' AND next_attempt_at <= ?
RETURNING n, address, notify, orcpt, attempts, possible_duplicate

-- name: message
-- One message's row.
SELECT seq, accepted_at, expires_at, size_octets, reverse_path, body, smtputf8, ret, envid, trace, message_id,
  header_from, submitter, segment, segment_offset, crc, damaged
FROM message WHERE seq = ?

-- name: content
-- One inline content.
SELECT octets FROM content WHERE seq = ?

-- name: settle
-- Write one fate, only while the lease is ours.
UPDATE recipient SET state = ?1, attempts = attempts + ?2, next_attempt_at = ?3, last_reply = ?4, class = ?5, row = ?6,
  possible_duplicate = possible_duplicate | ?7, owes_report = owes_report | ?8, settled_at = ?9, remote_id = ?10,
  lease = 0, lease_until_at = 0
WHERE seq = ?11 AND n = ?12 AND state = 'claimed' AND lease = ?13

-- name: settle_silently
-- Give a recipient back untouched, only while the lease is ours.
UPDATE recipient SET state = ?1, next_attempt_at = ?2, lease = 0, lease_until_at = 0
WHERE seq = ?3 AND n = ?4 AND state = 'claimed' AND lease = ?5

-- name: n_undelivered
-- Whether the content is still needed: anything that is not delivered keeps it (failed mail is a dead letter).
SELECT count(*) FROM recipient WHERE seq = ? AND state <> 'delivered'

-- name: delete_content
-- The inline content of a message that is done.
DELETE FROM content WHERE seq = ?

-- name: forget_segment
-- The message no longer needs its place in a segment.
UPDATE message SET segment = NULL WHERE seq = ? AND segment IS NOT NULL RETURNING segment_offset

-- name: segment_of
-- Where a content lies.
SELECT segment FROM message WHERE seq = ?

-- name: segment_in_use
-- Whether any message still has its content in a segment.
SELECT EXISTS (SELECT 1 FROM message WHERE segment = ?)

-- name: segments
-- All segments that are still needed.
SELECT DISTINCT segment FROM message WHERE segment IS NOT NULL

-- name: renew
-- Prolong a lease that is still ours.
UPDATE recipient SET lease_until_at = ? WHERE seq = ? AND state = 'claimed' AND lease = ?

-- name: lapse
-- Claims whose worker is gone: nobody knows whether the remote has the message, so they are uncertain.
UPDATE recipient SET state = 'queued', attempts = attempts + 1, possible_duplicate = 1, next_attempt_at = ?1,
  last_reply = 'the relay stopped during delivery', class = 'transient', lease = 0, lease_until_at = 0
WHERE state = 'claimed' AND lease_until_at <= ?2
RETURNING seq, n

-- name: lanes_due
-- The earliest due instant of each lane, by hopping along the index instead of reading it.
WITH RECURSIVE hop (lane) AS (
  SELECT min(lane) FROM recipient INDEXED BY recipient_due WHERE state = 'queued'
  UNION ALL
  SELECT (SELECT min(lane) FROM recipient INDEXED BY recipient_due WHERE state = 'queued' AND lane > hop.lane)
  FROM hop WHERE hop.lane IS NOT NULL
)
SELECT lane, (SELECT min(next_attempt_at) FROM recipient INDEXED BY recipient_due
              WHERE state = 'queued' AND lane = hop.lane)
FROM hop WHERE lane IS NOT NULL

-- name: expire
-- Queued recipients of messages that are past their time.
UPDATE recipient SET state = 'expired', owes_report = 1, settled_at = ?1
WHERE state = 'queued' AND seq IN (SELECT seq FROM message WHERE expires_at <= ?1)
RETURNING seq, n

-- name: prunable
-- Messages that ended before an instant and owe nothing.
SELECT seq FROM message WHERE seq NOT IN (
  SELECT seq FROM recipient
  WHERE state IN ('queued', 'claimed', 'held') OR owes_report = 1 OR settled_at IS NULL OR settled_at >= ?
) LIMIT 1000

-- name: delete_message
-- One pruned message.
DELETE FROM message WHERE seq = ?

-- name: delete_recipients
-- Its recipients.
DELETE FROM recipient WHERE seq = ?

-- name: delete_events
-- Its history.
DELETE FROM event WHERE seq = ?

-- name: owing
-- Messages whose sender is owed a report.
SELECT DISTINCT seq FROM recipient WHERE owes_report = 1 ORDER BY seq LIMIT ?

-- name: pay
-- A report was accepted, or will not be sent.
UPDATE recipient SET owes_report = 0 WHERE seq = ? AND n = ? AND owes_report = 1

-- name: note_lane
-- The health of a lane, for faces in other processes; the last success survives a note of trouble.
INSERT INTO lane VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (lane) DO UPDATE SET held = excluded.held, class = excluded.class, row = excluded.row,
  since_at = iif(lane.class = excluded.class AND lane.since_at > 0, lane.since_at, excluded.since_at),
  gate_until_at = excluded.gate_until_at, last_success_at = max(lane.last_success_at, excluded.last_success_at)

-- name: lanes
-- All lane notes.
SELECT lane, held, class, row, since_at, gate_until_at, last_success_at FROM lane ORDER BY lane

-- name: move_lane
-- Waiting recipients of a lane that is gone.
UPDATE recipient SET lane = ?2 WHERE lane = ?1 AND state IN ('queued', 'held')

-- name: set_aside
-- The recipients of a damaged message wait for a person.
UPDATE recipient SET state = 'held', lease = 0, last_reply = ?2, class = 'message' WHERE seq = ?1 AND state IN ('queued', 'claimed')

-- name: mark_damaged
-- Why it was set aside.
UPDATE message SET damaged = ?2 WHERE seq = ?1

-- name: move
-- A person moves recipients from some states to another.
UPDATE recipient SET state = ?1, next_attempt_at = ?2, last_reply = iif(?3 = '', last_reply, ?3), settled_at = ?4
WHERE seq = ?5 AND state = ?6 RETURNING n

-- name: recipients
-- A message's recipients, in their order.
SELECT n, address, state, lane, attempts, next_attempt_at, last_reply, class, row, possible_duplicate, settled_at,
  remote_id, notify, orcpt, owes_report
FROM recipient WHERE seq = ? ORDER BY n

-- name: events
-- A message's history.
SELECT at, n, name, detail FROM event WHERE seq = ? ORDER BY id

-- name: all_messages
-- Every message, oldest first.
SELECT seq FROM message ORDER BY seq LIMIT ?

-- name: messages_in_state
-- Messages with a recipient in a state, oldest first; the waiting states have an index each.
SELECT DISTINCT seq FROM recipient WHERE state = ? ORDER BY seq LIMIT ?

-- name: counts
-- Recipients by state.
SELECT state, count(*) FROM recipient GROUP BY state

-- name: meta
-- A counter that must never go back.
SELECT value FROM meta WHERE key = ?

-- name: set_meta
-- Remember a counter.
UPDATE meta SET value = max(value, ?2) WHERE key = ?1

-- name: max_seq
-- The highest number given.
SELECT coalesce(max(seq), 0) FROM message

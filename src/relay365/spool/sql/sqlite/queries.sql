-- name: accept
-- One accepted message with its first recipient, its events, and its content where that is small enough to stay inside
-- the database. The trigger `accepted` has the rows.
INSERT INTO acceptance (seq, accepted_at, expires_at, size_octets, reverse_path, body, smtputf8, ret, envid, trace,
  message_id, header_from, submitter, segment, segment_offset, crc, row_crc, octets, detail, address, notify, orcpt,
  path_crc, lane, flow, state, lease, lease_until_at, claim_detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: insert_recipient
-- One more recipient, queued and due at once, or claimed from the beginning.
INSERT INTO recipient (seq, n, address, notify, orcpt, row_crc, lane, flow, next_attempt_at, expires_at, state, lease,
  lease_until_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: mark_held
-- Why the recipients of a new message wait for a person, and the report that this owes.
UPDATE recipient SET last_reply = ?, row = ?, owes = ? WHERE seq = ?

-- name: insert_event
-- Every move of a recipient leaves one line of history.
INSERT INTO event (at, seq, n, name, detail) VALUES (?, ?, ?, ?, ?)

-- name: note
-- One line of history more about a message that is still here, as long as it has not too many of this name.
INSERT INTO event (at, seq, n, name, detail) SELECT ?1, message.seq, -1, ?3, ?4 FROM message
WHERE message.seq = ?2 AND (SELECT count(*) FROM event WHERE event.seq = ?2 AND event.name = ?3) < ?5

-- name: next_flow
-- The flow behind another one in a lane, by hopping along the index instead of reading it.
SELECT min(flow) FROM recipient INDEXED BY recipient_due WHERE state = 'queued' AND lane = ? AND flow > ?

-- name: heads
-- The due recipients of one flow in the order of the index, behind one that was seen already, with what decides about
-- them; the caller stops reading when it has enough messages.
SELECT r.seq, r.n, r.next_attempt_at, r.expires_at, CAST(r.address AS BLOB), m.accepted_at, m.size_octets,
  CAST(m.reverse_path AS BLOB), CAST(m.submitter AS BLOB), m.crc, CAST(m.message_id AS BLOB),
  CAST(m.header_from AS BLOB), CAST(concat_ws(' ', m.body, m.smtputf8, m.ret, m.envid) AS BLOB)
FROM recipient AS r INDEXED BY recipient_due LEFT JOIN message AS m ON m.seq = r.seq
WHERE r.state = 'queued' AND r.lane = ?1 AND r.flow = ?2 AND r.next_attempt_at <= ?3
  AND (r.next_attempt_at, r.seq) > (?4, ?5)
ORDER BY r.next_attempt_at, r.seq

-- name: claim
-- Take the due recipients of some messages in one lane, the first ?6 of each, under a lease of its own for each message.
-- The plus signs keep the planner on the messages' own rows: by the index of what is due it would read the whole lane.
UPDATE recipient SET state = 'claimed', lease = ?1 + due.nth_message, lease_until_at = ?2
FROM (SELECT r.seq, r.n, asked.key AS nth_message, row_number() OVER (PARTITION BY r.seq ORDER BY r.n) AS nth
      FROM json_each(?3) AS asked CROSS JOIN recipient AS r ON r.seq = asked.value
      WHERE +r.lane = ?4 AND +r.state = 'queued' AND +r.next_attempt_at <= ?5) AS due
WHERE recipient.seq = due.seq AND recipient.n = due.n AND due.nth <= ?6
RETURNING seq, n, CAST(address AS BLOB), CAST(notify AS BLOB), CAST(orcpt AS BLOB), row_crc, attempts,
  possible_duplicate

-- name: claimed
-- The history's line for each message of a claim: ?2 has pairs of its number and the words.
INSERT INTO event (at, seq, n, name, detail)
SELECT ?1, json_extract(value, '$[0]'), -1, 'message.claimed', json_extract(value, '$[1]') FROM json_each(?2)

-- name: redirect
-- One queued recipient into another lane, due at once; the lane that it is in already is no move.
UPDATE recipient SET lane = ?1, next_attempt_at = min(next_attempt_at, ?2)
WHERE seq = ?3 AND n = ?4 AND state = 'queued' AND lane <> ?5
RETURNING n

-- name: message
-- One message's row. Text comes as octets: what a disk has altered need not be text any more.
SELECT seq, accepted_at, expires_at, size_octets, CAST(reverse_path AS BLOB), CAST(body AS BLOB), smtputf8,
  CAST(ret AS BLOB), CAST(envid AS BLOB), CAST(trace AS BLOB), CAST(message_id AS BLOB), CAST(header_from AS BLOB),
  CAST(submitter AS BLOB), segment, segment_offset, crc, row_crc, CAST(damaged AS BLOB)
FROM message WHERE seq = ?

-- name: messages
-- The same of several messages. Text comes as octets: what a disk has altered need not be text any more.
SELECT seq, accepted_at, expires_at, size_octets, CAST(reverse_path AS BLOB), CAST(body AS BLOB), smtputf8,
  CAST(ret AS BLOB), CAST(envid AS BLOB), CAST(trace AS BLOB), CAST(message_id AS BLOB), CAST(header_from AS BLOB),
  CAST(submitter AS BLOB), segment, segment_offset, crc, row_crc, CAST(damaged AS BLOB)
FROM message WHERE seq IN (SELECT value FROM json_each(?))

-- name: content
-- One inline content.
SELECT octets FROM content WHERE seq = ?

-- name: settle
-- Write one fate and its event, and remove an inline content that nobody needs any more; the trigger `settled` has it.
-- Fails with "claim lost" when the lease is not ours.
INSERT INTO settling (state, counted, next_attempt_at, last_reply, class, row, possible_duplicate, owes,
  settled_at, remote_id, seq, n, lease, at, event, detail, tidies)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: spent_segment
-- Where the content of a message lies that is delivered to all; failed mail keeps it as a dead letter.
SELECT segment FROM message WHERE seq = ?1 AND segment IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM recipient WHERE seq = ?1 AND state <> 'delivered')

-- name: delete_content
-- The inline content of a message that is done.
DELETE FROM content WHERE seq = ?

-- name: forget_segment
-- The message no longer needs its place in a segment; the segment stays named in `segment_of` until this is done.
UPDATE message SET segment = NULL WHERE seq = ? AND segment IS NOT NULL

-- name: segment_of
-- Where a content lies.
SELECT segment FROM message WHERE seq = ?

-- name: segment_in_use
-- Whether any message still has its content in a segment.
SELECT EXISTS (SELECT 1 FROM message WHERE segment = ?)

-- name: segments
-- All segments that are still needed.
SELECT DISTINCT segment FROM message INDEXED BY message_segment WHERE segment IS NOT NULL

-- name: renew
-- Prolong a lease that is still ours.
UPDATE recipient SET lease_until_at = ? WHERE seq = ? AND state = 'claimed' AND lease = ?

-- name: lapse
-- Claims whose worker is gone: nobody knows whether the remote has the message, so they are uncertain.
UPDATE recipient INDEXED BY recipient_claimed SET state = 'queued', attempts = attempts + 1, possible_duplicate = 1,
  next_attempt_at = ?1, last_reply = 'the relay stopped during delivery', class = 'transient', row = '', lease = 0,
  lease_until_at = 0
WHERE state = 'claimed' AND lease_until_at <= ?2
RETURNING seq, n, lane

-- name: bring_near
-- What is due in a future that no pause reaches.
UPDATE recipient SET next_attempt_at = ?1
WHERE state = 'queued' AND lane = ?2 AND flow = ?3 AND next_attempt_at > ?4

-- name: next_lane
-- The lane behind another one that has queued recipients, by hopping along the index.
SELECT min(lane) FROM recipient INDEXED BY recipient_due WHERE state = 'queued' AND lane > ?

-- name: flow_due
-- When the first of a flow is due.
SELECT min(next_attempt_at) FROM recipient INDEXED BY recipient_due WHERE state = 'queued' AND lane = ? AND flow = ?

-- name: find_expiring
-- Queued recipients that are past their time, with what may still prolong it, some at a time.
SELECT r.seq, r.n, r.lane, coalesce(m.accepted_at, r.expires_at), r.expires_at, r.counted_at
FROM recipient AS r INDEXED BY recipient_expiring LEFT JOIN message AS m ON m.seq = r.seq
WHERE r.state = 'queued' AND r.warned IN (0, 1) AND r.expires_at <= ?1 LIMIT ?2

-- name: expire
-- One queued recipient that is past its time.
UPDATE recipient SET state = 'expired', owes = 'failure', settled_at = ? WHERE seq = ? AND n = ? AND state = 'queued'

-- name: prolong
-- What its lane kept a recipient back for is in its end, until an instant.
UPDATE recipient SET expires_at = ?, counted_at = ? WHERE seq = ? AND n = ?

-- name: age
-- Where a recipient waits, and what decides about its end.
SELECT r.lane, m.accepted_at, r.expires_at, r.counted_at
FROM recipient AS r JOIN message AS m ON m.seq = r.seq WHERE r.seq = ? AND r.n = ?

-- name: stretches
-- When which lane kept its mail for a person or a quota.
SELECT lane, from_at, until_at FROM keeping

-- name: keep
-- A stretch that begins or that ended.
INSERT INTO keeping (lane, from_at, until_at) VALUES (?, ?, ?)

-- name: strike_out
-- A stretch that is written anew, or forgotten.
DELETE FROM keeping WHERE lane = ? AND from_at = ?

-- name: find_late
-- Queued recipients that expire before an instant and that were not looked at for a report of delay, some at a time.
SELECT r.seq, r.n, CAST(r.notify AS BLOB), CAST(m.reverse_path AS BLOB)
FROM recipient AS r INDEXED BY recipient_expiring JOIN message AS m ON m.seq = r.seq
WHERE r.state = 'queued' AND r.warned = 0 AND r.expires_at <= ?1 ORDER BY r.expires_at, r.seq LIMIT ?2

-- name: warn
-- A report of delay is owed, or '' where none is wished; neither is asked a second time.
UPDATE recipient SET warned = 1, owes = ? WHERE seq = ? AND n = ?

-- name: prunable
-- Messages with a recipient that reached an end state before an instant, and none that waits, owes or ended later.
-- It walks the history from its old end and stops at the limit.
SELECT DISTINCT seq FROM recipient AS ended INDEXED BY recipient_ended
WHERE state = ?1 AND settled_at < ?2 AND NOT EXISTS (
  SELECT 1 FROM recipient AS other WHERE other.seq = ended.seq
  AND (other.settled_at IS NULL OR other.settled_at >= ?2 OR other.owes <> '')
) LIMIT ?3

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
-- Messages whose sender is owed a report of one kind.
SELECT DISTINCT seq FROM recipient INDEXED BY recipient_owing WHERE owes <> '' AND owes = ? ORDER BY seq LIMIT ?

-- name: pay
-- A report was accepted, or will not be sent; a debt of another kind that came meanwhile stays.
UPDATE recipient SET owes = '' WHERE seq = ? AND n = ? AND owes = ?

-- name: note_lane
-- The health of a lane, for faces in other processes; the last success survives a note of trouble.
INSERT INTO lane VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (lane) DO UPDATE SET held = excluded.held, class = excluded.class, row = excluded.row,
  since_at = iif(lane.class = excluded.class AND lane.since_at > 0, lane.since_at, excluded.since_at),
  gate_until_at = excluded.gate_until_at, last_success_at = max(lane.last_success_at, excluded.last_success_at),
  budgets = excluded.budgets

-- name: lanes
-- All lane notes.
SELECT lane, held, class, row, since_at, gate_until_at, last_success_at, budgets FROM lane ORDER BY lane

-- name: depths
-- How many recipients wait or are held, by lane and the digit of their priority, and the first message among them.
SELECT lane, 'queued', substr(flow, 1, 1), count(*), min(seq) FROM recipient INDEXED BY recipient_due
WHERE state = 'queued' GROUP BY lane, substr(flow, 1, 1)
UNION ALL
SELECT lane, 'held', substr(flow, 1, 1), count(*), min(seq) FROM recipient INDEXED BY recipient_held
WHERE state = 'held' GROUP BY lane, substr(flow, 1, 1)

-- name: kept_octets
-- What the mail of each client takes that is not delivered: contents, and so many octets for the rows of each message.
SELECT substr(kept.flow, 2), sum(m.size_octets + ?1) FROM (
  SELECT flow, seq FROM recipient INDEXED BY recipient_due WHERE state = 'queued'
  UNION SELECT flow, seq FROM recipient INDEXED BY recipient_claimed WHERE state = 'claimed'
  UNION SELECT flow, seq FROM recipient INDEXED BY recipient_held WHERE state = 'held'
  UNION SELECT flow, seq FROM recipient INDEXED BY recipient_ended WHERE state = 'failed' AND settled_at IS NOT NULL
  UNION SELECT flow, seq FROM recipient INDEXED BY recipient_ended WHERE state = 'expired' AND settled_at IS NOT NULL
) AS kept JOIN message AS m ON m.seq = kept.seq GROUP BY substr(kept.flow, 2)

-- name: put_off
-- The recipients of one message in one lane wait by our own decision.
UPDATE recipient SET next_attempt_at = ?1, last_reply = ?2, class = 'rate-limit', row = ''
WHERE seq = ?3 AND lane = ?4 AND state = 'queued' AND next_attempt_at < ?1

-- name: note_usage
-- How much of a budget was used in one slice of time, as it is known now.
INSERT OR REPLACE INTO usage (budget, at, priority, messages, recipients, external) VALUES (?, ?, ?, ?, ?, ?)

-- name: usage
-- What was used since an instant.
SELECT budget, at, priority, messages, recipients, external FROM usage WHERE at >= ? ORDER BY at, budget, priority

-- name: forget_usage
-- Slices that nobody asks for any more.
DELETE FROM usage WHERE at < ?

-- name: settled_since
-- What was delivered since an instant, or waits again after it may have been, by lane and priority.
SELECT lane, substr(flow, 1, 1), max(settled_at), count(DISTINCT seq), count(*)
FROM recipient INDEXED BY recipient_ended WHERE state = 'delivered' AND settled_at > ?1 GROUP BY lane, substr(flow, 1, 1)

-- name: pairs_since
-- What each recipient had from each sender since an instant, slice by slice; what was settled together was one message.
SELECT recipient.lane, message.reverse_path, recipient.address, max(settled_at), count(DISTINCT settled_at)
FROM recipient INDEXED BY recipient_ended CROSS JOIN message ON message.seq = recipient.seq
WHERE state = 'delivered' AND settled_at > ?1
GROUP BY recipient.lane, message.reverse_path, recipient.address, CAST(settled_at / ?2 AS INTEGER) ORDER BY max(settled_at)

-- name: octets_since
--- What was delivered since an instant, by lane and message.
SELECT recipient.lane, max(settled_at), message.size_octets
FROM recipient INDEXED BY recipient_ended CROSS JOIN message ON message.seq = recipient.seq
WHERE state = 'delivered' AND settled_at > ?1
GROUP BY recipient.lane, recipient.seq ORDER BY max(settled_at)

-- name: clients_since
-- What was delivered since an instant, by lane, client and slice; the first sign of a flow is its priority.
SELECT lane, substr(flow, 2), CAST(settled_at / ?2 AS INTEGER) * ?2, count(*)
FROM recipient INDEXED BY recipient_ended WHERE state = 'delivered' AND settled_at > ?1
GROUP BY 1, 2, 3 ORDER BY 3, 1, 2

-- name: move_lane_queued
-- Queued recipients of a lane that is gone, some at a time.
UPDATE recipient SET lane = ?2
WHERE (seq, n) IN (SELECT seq, n FROM recipient INDEXED BY recipient_due WHERE state = 'queued' AND lane = ?1 LIMIT ?3)
RETURNING seq, n

-- name: move_lane_held
-- Held recipients of a lane that is gone, some at a time.
UPDATE recipient SET lane = ?2
WHERE (seq, n) IN (SELECT seq, n FROM recipient INDEXED BY recipient_held WHERE state = 'held' AND lane = ?1 LIMIT ?3)
RETURNING seq, n

-- name: set_aside
-- The queued recipients of a damaged message wait for a person; a claimed one follows when it is settled.
UPDATE recipient SET state = 'held', last_reply = ?2, class = 'message', row = '' WHERE seq = ?1 AND state = 'queued'

-- name: damaged
-- Why a message was set aside, or ''.
SELECT damaged FROM message WHERE seq = ?

-- name: mark_damaged
-- Write down why it is set aside; '' when a person wants it tried again.
UPDATE message SET damaged = ?2 WHERE seq = ?1

-- name: move
-- A person moves recipients from some states to another.
UPDATE recipient SET state = ?1, next_attempt_at = ?2, last_reply = iif(?3 = '', last_reply, ?3), settled_at = ?4,
  owes = iif(?4 IS NULL, owes, '')
WHERE seq = ?5 AND state = ?6 RETURNING n

-- name: bounce
-- A person gives recipients up; what stood there before stands behind the person's reason.
UPDATE recipient SET state = ?1, next_attempt_at = ?2,
  last_reply = ?3 || iif(last_reply = '', '', '; before that: ' || last_reply), settled_at = ?4, owes = ''
WHERE seq = ?5 AND state = ?6 RETURNING n

-- name: wish
-- Which reports the sender of a recipient wished, and who he is.
SELECT CAST(r.notify AS BLOB), CAST(m.reverse_path AS BLOB)
FROM recipient AS r JOIN message AS m ON m.seq = r.seq WHERE r.seq = ? AND r.n = ?

-- name: owe
-- A report is owed.
UPDATE recipient SET owes = ? WHERE seq = ? AND n = ?

-- name: recipients
-- A message's recipients, in their order; text as octets.
SELECT n, CAST(address AS BLOB), state, lane, attempts, next_attempt_at, CAST(last_reply AS BLOB), class, row,
  possible_duplicate, settled_at, CAST(remote_id AS BLOB), CAST(notify AS BLOB), CAST(orcpt AS BLOB), CAST(fate AS BLOB),
  fate_at, CAST(fate_detail AS BLOB), expires_at, counted_at, owes
FROM recipient WHERE seq = ? ORDER BY n

-- name: events
-- A message's history.
SELECT at, n, name, CAST(detail AS BLOB) FROM event WHERE seq = ? ORDER BY id

-- name: unresolved
-- Delivered recipients that may still fail, in the order in which they were delivered.
SELECT r.seq, r.n, CAST(r.address AS BLOB), r.lane, r.settled_at, CAST(m.message_id AS BLOB),
  CAST(r.remote_id AS BLOB), CAST(m.reverse_path AS BLOB), CAST(r.notify AS BLOB), r.fate
FROM recipient AS r INDEXED BY recipient_ended JOIN message AS m ON m.seq = r.seq
WHERE r.state = 'delivered' AND r.settled_at > ?1 AND r.settled_at <= ?2 AND r.fate IN (?3, ?4)
ORDER BY r.settled_at, r.seq

-- name: fate_of
-- What is known of a delivered recipient.
SELECT fate, CAST(fate_detail AS BLOB) FROM recipient WHERE seq = ? AND n = ? AND state = 'delivered'

-- name: learn
-- What became of a delivered recipient; it stays delivered.
UPDATE recipient SET fate = ?, fate_at = ?, fate_detail = ?, owes = iif(?, 'failure', owes)
WHERE seq = ? AND n = ? AND state = 'delivered'

-- name: named
-- Messages by the names that they or the remote gave them, from a number on; the names as a JSON array. It reads them
-- all: an index of names would cost every message on its way more than this costs the few who ask (docs/trace.md).
SELECT seq FROM message WHERE seq >= ?1 AND message_id IN (SELECT value FROM json_each(?2))
UNION ALL
SELECT seq FROM recipient WHERE seq >= ?1 AND remote_id IN (SELECT value FROM json_each(?2))

-- name: addressed
-- Messages to an address, case folded, from a number on, newest first; a row whose address is not plain ASCII is given,
-- too, because only the caller can fold it. It reads the recipients and nothing else, for the reason above.
SELECT seq FROM recipient WHERE seq >= ?1 AND (lower(address) = ?2 OR address GLOB '*[^ -~]*') ORDER BY seq DESC

-- name: accepted_at
-- The first message from a number on, and when it was accepted.
SELECT seq, accepted_at FROM message WHERE seq >= ? ORDER BY seq LIMIT 1

-- name: n_from
-- How many messages there are from a number on.
SELECT count(*) FROM message WHERE seq >= ?

-- name: n_ended
-- How many recipients came to an end state since an instant.
SELECT count(*) FROM recipient INDEXED BY recipient_ended WHERE state = ? AND settled_at >= ?

-- name: newest
-- The messages from a number on, newest first; the caller stops reading when it has enough.
SELECT seq FROM message WHERE seq >= ? ORDER BY seq DESC

-- name: note_mark
-- How far something was read; it never goes back.
INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)

-- name: all_messages
-- Every message, oldest first.
SELECT seq FROM message ORDER BY seq LIMIT ?

-- name: list_queued
-- Messages that wait, those that expire first before the others; the caller stops reading when it has enough.
SELECT seq, expires_at FROM recipient INDEXED BY recipient_expiring WHERE state = 'queued' AND warned = 0
UNION ALL
SELECT seq, expires_at FROM recipient INDEXED BY recipient_expiring WHERE state = 'queued' AND warned = 1
ORDER BY expires_at, seq

-- name: list_claimed
-- Messages that are on their way; never many.
SELECT DISTINCT seq FROM recipient INDEXED BY recipient_claimed WHERE state = 'claimed' ORDER BY seq

-- name: list_held
-- Messages that wait for a person, oldest first.
SELECT DISTINCT seq FROM recipient INDEXED BY recipient_held WHERE state = 'held' ORDER BY seq

-- name: list_ended
-- Messages with a recipient in an end state, those that ended first before the others.
SELECT seq FROM recipient INDEXED BY recipient_ended WHERE state = ? AND settled_at IS NOT NULL ORDER BY settled_at, seq

-- name: counts
-- Recipients by state, counted in the small indexes.
SELECT 'queued', count(*) FROM recipient INDEXED BY recipient_expiring WHERE state = 'queued'
UNION ALL SELECT 'claimed', count(*) FROM recipient INDEXED BY recipient_claimed WHERE state = 'claimed'
UNION ALL SELECT 'held', count(*) FROM recipient INDEXED BY recipient_held WHERE state = 'held'
UNION ALL SELECT state, count(*) FROM recipient INDEXED BY recipient_ended WHERE settled_at IS NOT NULL GROUP BY state

-- name: meta
-- A counter that must never go back.
SELECT value FROM meta WHERE key = ?

-- name: set_meta
-- Remember a counter.
UPDATE meta SET value = max(value, ?2) WHERE key = ?1

-- name: count_up
-- One more.
UPDATE meta SET value = value + 1 WHERE key = ?

-- name: max_seq
-- The highest number given.
SELECT coalesce(max(seq), 0) FROM message

-- name: sought
-- Messages of a range of numbers that may be wanted, newest first: patterns for the sender, a recipient, the submitter,
-- and for anything that a message says or was told; '%%' asks nothing. The caller stops reading when it has enough.
SELECT m.seq FROM message AS m WHERE m.seq >= ?1 AND m.seq < ?2
  AND m.reverse_path LIKE ?3 AND m.submitter LIKE ?5
  AND (?4 = '%%' OR EXISTS (SELECT 1 FROM recipient AS r WHERE r.seq = m.seq AND r.address LIKE ?4))
  AND (?6 = '%%' OR m.message_id LIKE ?6 OR m.submitter LIKE ?6 OR m.reverse_path LIKE ?6 OR m.header_from LIKE ?6
    OR EXISTS (SELECT 1 FROM recipient AS r WHERE r.seq = m.seq AND (r.address LIKE ?6 OR r.last_reply LIKE ?6
      OR r.remote_id LIKE ?6 OR r.row LIKE ?6 OR r.class LIKE ?6 OR r.lane LIKE ?6 OR r.fate_detail LIKE ?6))
    OR m.seq IN (SELECT e.seq FROM event AS e INDEXED BY event_trouble WHERE e.n >= 0
      AND e.name <> 'recipient.delivered' AND (e.name <> 'recipient.fate' OR substr(e.detail, 1, 6) = 'failed')
      AND e.detail LIKE ?6))
ORDER BY m.seq DESC

-- name: sought_among
-- The same among numbers in a JSON array, in its order; each has only a few events, so that all of them are read.
SELECT m.seq FROM json_each(?1) AS chosen CROSS JOIN message AS m ON m.seq = chosen.value
WHERE m.reverse_path LIKE ?2 AND m.submitter LIKE ?4
  AND (?3 = '%%' OR EXISTS (SELECT 1 FROM recipient AS r WHERE r.seq = m.seq AND r.address LIKE ?3))
  AND (?5 = '%%' OR m.message_id LIKE ?5 OR m.submitter LIKE ?5 OR m.reverse_path LIKE ?5 OR m.header_from LIKE ?5
    OR EXISTS (SELECT 1 FROM recipient AS r WHERE r.seq = m.seq AND (r.address LIKE ?5 OR r.last_reply LIKE ?5
      OR r.remote_id LIKE ?5 OR r.row LIKE ?5 OR r.class LIKE ?5 OR r.lane LIKE ?5 OR r.fate_detail LIKE ?5))
    OR EXISTS (SELECT 1 FROM event AS e WHERE e.seq = m.seq AND e.detail LIKE ?5))

-- name: troubles
-- What attempts were told between two instants that was no yes, with what the recipient is now.
SELECT e.at, e.seq, e.n, e.name, CAST(e.detail AS BLOB), r.lane, r.state, r.row, r.class, CAST(r.last_reply AS BLOB),
  CAST(m.submitter AS BLOB)
FROM event AS e INDEXED BY event_trouble JOIN recipient AS r ON r.seq = e.seq AND r.n = e.n
  JOIN message AS m ON m.seq = e.seq
WHERE e.n >= 0 AND e.name <> 'recipient.delivered'
  AND (e.name <> 'recipient.fate' OR substr(e.detail, 1, 6) = 'failed') AND e.at >= ?1 AND e.at < ?2
  AND e.name IN ('recipient.deferred', 'recipient.uncertain', 'recipient.failed', 'recipient.held', 'recipient.fate')
ORDER BY e.at

-- name: taken_since
-- Every recipient of the messages behind a number, with what a count of them needs.
SELECT m.seq, m.accepted_at, m.size_octets, r.state, r.settled_at, r.possible_duplicate
FROM message AS m JOIN recipient AS r ON r.seq = m.seq WHERE m.seq > ?1 ORDER BY m.seq

-- name: taken_among
-- The same of some numbers, a JSON array.
SELECT m.seq, m.accepted_at, m.size_octets, r.state, r.settled_at, r.possible_duplicate
FROM json_each(?1) AS chosen CROSS JOIN message AS m ON m.seq = chosen.value JOIN recipient AS r ON r.seq = m.seq

-- name: waiting
-- Every recipient that waits or is held, with what a table of ages is made of.
SELECT r.lane, CAST(r.address AS BLOB), m.accepted_at, CAST(m.submitter AS BLOB)
FROM recipient AS r INDEXED BY recipient_expiring JOIN message AS m ON m.seq = r.seq WHERE r.state = 'queued'
UNION ALL
SELECT r.lane, CAST(r.address AS BLOB), m.accepted_at, CAST(m.submitter AS BLOB)
FROM recipient AS r INDEXED BY recipient_held JOIN message AS m ON m.seq = r.seq WHERE r.state = 'held'

-- The first schema. Instants are seconds since the Unix epoch; states as in spool.api.State.
CREATE TABLE message (
  seq INTEGER PRIMARY KEY,
  accepted_at REAL NOT NULL,
  expires_at REAL NOT NULL,
  size_octets INTEGER NOT NULL,
  reverse_path TEXT NOT NULL,
  body TEXT NOT NULL,
  smtputf8 INTEGER NOT NULL,
  ret TEXT NOT NULL,
  envid TEXT NOT NULL,
  trace BLOB NOT NULL,
  message_id TEXT NOT NULL,
  header_from TEXT NOT NULL,
  submitter TEXT NOT NULL,          -- JSON object of mail.envelope.SubmitterFacts
  segment TEXT,                     -- file below segments/, NULL when the content is inline or gone
  segment_offset INTEGER,
  crc INTEGER NOT NULL,             -- CRC-32 of the content
  row_crc INTEGER NOT NULL,         -- CRC-32 of what this row says of the message: sqlite.rows.message_crc
  damaged TEXT NOT NULL DEFAULT ''
);
CREATE TABLE content (
  seq INTEGER PRIMARY KEY,
  octets BLOB NOT NULL
);
CREATE TABLE recipient (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  address TEXT NOT NULL,
  notify TEXT NOT NULL,
  orcpt TEXT NOT NULL,
  row_crc INTEGER NOT NULL,         -- CRC-32 of the above: sqlite.rows.path_crc
  state TEXT NOT NULL,
  lane TEXT NOT NULL,
  flow TEXT NOT NULL,               -- the digit of its priority and its client: spool.waiting.heads.stored_flow
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at REAL NOT NULL,
  expires_at REAL NOT NULL,         -- as in message, and later by what its lane kept it back for
  counted_at REAL NOT NULL DEFAULT 0,  -- until when kept time is in expires_at already
  lease INTEGER NOT NULL DEFAULT 0,
  lease_until_at REAL NOT NULL DEFAULT 0,
  last_reply TEXT NOT NULL DEFAULT '',
  class TEXT NOT NULL DEFAULT '',
  row TEXT NOT NULL DEFAULT '',
  possible_duplicate INTEGER NOT NULL DEFAULT 0,
  owes TEXT NOT NULL DEFAULT '',    -- the report that its sender has not got yet, as in mail.dsn.Debt
  warned INTEGER NOT NULL DEFAULT 0,  -- whether it was looked at for a report of its delay
  settled_at REAL,                  -- set in the end states, NULL in the others
  remote_id TEXT NOT NULL DEFAULT '',
  fate TEXT NOT NULL DEFAULT '',    -- what was learnt after it was delivered, as in spool.later.Later
  fate_at REAL,
  fate_detail TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (seq, n)
) WITHOUT ROWID;
-- Each index holds only the states that its question is about, so that years of history cost the queue nothing.
CREATE INDEX recipient_due ON recipient (lane, flow, next_attempt_at, seq) WHERE state = 'queued';
CREATE INDEX recipient_expiring ON recipient (warned, expires_at, seq) WHERE state = 'queued';
CREATE INDEX recipient_claimed ON recipient (lease_until_at) WHERE state = 'claimed';
CREATE INDEX recipient_held ON recipient (seq) WHERE state = 'held';
CREATE INDEX recipient_ended ON recipient (state, settled_at, seq) WHERE settled_at IS NOT NULL;
CREATE INDEX recipient_owing ON recipient (owes, seq) WHERE owes <> '';
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  name TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX event_of ON event (seq);
-- Only what went otherwise: a month of troubles is read without the mail that went through. The terms stand in this
-- order because they are judged for every event: so they cost a message 0.3 us of 25, a list of names costs 7.
CREATE INDEX event_trouble ON event (at) WHERE n >= 0 AND name <> 'recipient.delivered'
  AND (name <> 'recipient.fate' OR substr(detail, 1, 6) = 'failed');
CREATE INDEX message_segment ON message (segment) WHERE segment IS NOT NULL;
CREATE TABLE lane (
  lane TEXT PRIMARY KEY,
  held TEXT NOT NULL,
  class TEXT NOT NULL,
  row TEXT NOT NULL,
  since_at REAL NOT NULL,
  gate_until_at REAL NOT NULL,
  last_success_at REAL NOT NULL,
  budgets TEXT NOT NULL             -- JSON, as in spool.api.LaneNote
) WITHOUT ROWID;
CREATE TABLE usage (                -- what was used of each budget, as in spool.waiting.usage
  at INTEGER NOT NULL,
  budget TEXT NOT NULL,
  priority TEXT NOT NULL,
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  external INTEGER NOT NULL,
  PRIMARY KEY (at, budget, priority)
) WITHOUT ROWID;
-- When which lane kept its mail for a person or a quota: that time does not count against a message's life.
CREATE TABLE keeping (
  lane TEXT NOT NULL,
  from_at REAL NOT NULL,
  until_at REAL,                    -- NULL while it does
  PRIMARY KEY (lane, from_at)
) WITHOUT ROWID;
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('next_seq', 1), ('next_lease', 1), ('n_hastened', 0);
-- The two moves that every message makes, each as one statement: a statement gives the interpreter lock away, and on
-- a busy relay the writer waits for it longer than the statement takes (docs/performance.md). Insert into the view.
CREATE VIEW acceptance AS
SELECT message.*, NULL AS octets, '' AS detail, r.address, r.notify, r.orcpt, r.row_crc AS path_crc, r.lane, r.flow,
  r.state, r.lease, r.lease_until_at, '' AS claim_detail
FROM message JOIN recipient AS r ON r.seq = message.seq AND r.n = 0;
CREATE TRIGGER accepted INSTEAD OF INSERT ON acceptance BEGIN
  INSERT INTO message (seq, accepted_at, expires_at, size_octets, reverse_path, body, smtputf8, ret, envid, trace,
    message_id, header_from, submitter, segment, segment_offset, crc, row_crc)
  VALUES (NEW.seq, NEW.accepted_at, NEW.expires_at, NEW.size_octets, NEW.reverse_path, NEW.body, NEW.smtputf8, NEW.ret,
    NEW.envid, NEW.trace, NEW.message_id, NEW.header_from, NEW.submitter, NEW.segment, NEW.segment_offset, NEW.crc,
    NEW.row_crc);
  INSERT INTO content (seq, octets) SELECT NEW.seq, NEW.octets WHERE NEW.octets IS NOT NULL;
  INSERT INTO recipient (seq, n, address, notify, orcpt, row_crc, lane, flow, next_attempt_at, expires_at, state, lease,
    lease_until_at)
  VALUES (NEW.seq, 0, NEW.address, NEW.notify, NEW.orcpt, NEW.path_crc, NEW.lane, NEW.flow, NEW.accepted_at,
    NEW.expires_at, NEW.state, NEW.lease, NEW.lease_until_at);
  INSERT INTO event (at, seq, n, name, detail) VALUES (NEW.accepted_at, NEW.seq, -1, 'message.accepted', NEW.detail);
  INSERT INTO event (at, seq, n, name, detail)
  SELECT NEW.accepted_at, NEW.seq, -1, 'message.claimed', NEW.claim_detail WHERE NEW.claim_detail <> '';
END;
CREATE VIEW settling AS
SELECT *, 0 AS counted, 0 AS at, '' AS event, '' AS detail, 0 AS tidies FROM recipient;
CREATE TRIGGER settled INSTEAD OF INSERT ON settling BEGIN
  -- Only while the lease is ours; a NULL leaves what the last attempt said. An end makes a report of delay pointless.
  UPDATE recipient SET state = NEW.state, attempts = attempts + NEW.counted, next_attempt_at = NEW.next_attempt_at,
    last_reply = coalesce(NEW.last_reply, last_reply), class = coalesce(NEW.class, class),
    row = coalesce(NEW.row, row), possible_duplicate = possible_duplicate | NEW.possible_duplicate,
    owes = CASE WHEN NEW.owes <> '' THEN NEW.owes WHEN NEW.settled_at IS NULL THEN owes ELSE '' END,
    settled_at = NEW.settled_at,
    remote_id = coalesce(NEW.remote_id, remote_id), lease = 0, lease_until_at = 0
  WHERE seq = NEW.seq AND n = NEW.n AND state = 'claimed' AND lease = NEW.lease;
  SELECT RAISE(ABORT, 'claim lost') WHERE changes() <> 1;
  INSERT INTO event (at, seq, n, name, detail) VALUES (NEW.at, NEW.seq, NEW.n, NEW.event, NEW.detail);
  -- Anything that is not delivered still needs the content: failed mail is a dead letter.
  DELETE FROM content WHERE seq = NEW.seq AND NEW.tidies
    AND NOT EXISTS (SELECT 1 FROM recipient WHERE seq = NEW.seq AND state <> 'delivered');
END;

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
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at REAL NOT NULL,
  expires_at REAL NOT NULL,         -- as in message; here for the index
  lease INTEGER NOT NULL DEFAULT 0,
  lease_until_at REAL NOT NULL DEFAULT 0,
  last_reply TEXT NOT NULL DEFAULT '',
  class TEXT NOT NULL DEFAULT '',
  row TEXT NOT NULL DEFAULT '',
  possible_duplicate INTEGER NOT NULL DEFAULT 0,
  owes_report INTEGER NOT NULL DEFAULT 0,
  settled_at REAL,                  -- set in the end states, NULL in the others
  remote_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (seq, n)
) WITHOUT ROWID;
-- Each index holds only the states that its question is about, so that years of history cost the queue nothing.
CREATE INDEX recipient_due ON recipient (lane, next_attempt_at, seq) WHERE state = 'queued';
CREATE INDEX recipient_expiring ON recipient (expires_at, seq) WHERE state = 'queued';
CREATE INDEX recipient_claimed ON recipient (lease_until_at) WHERE state = 'claimed';
CREATE INDEX recipient_held ON recipient (seq) WHERE state = 'held';
CREATE INDEX recipient_ended ON recipient (state, settled_at, seq) WHERE settled_at IS NOT NULL;
CREATE INDEX recipient_owing ON recipient (seq) WHERE owes_report = 1;
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  name TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX event_of ON event (seq);
CREATE INDEX message_segment ON message (segment) WHERE segment IS NOT NULL;
CREATE TABLE lane (
  lane TEXT PRIMARY KEY,
  held TEXT NOT NULL,
  class TEXT NOT NULL,
  row TEXT NOT NULL,
  since_at REAL NOT NULL,
  gate_until_at REAL NOT NULL,
  last_success_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('next_seq', 1), ('next_lease', 1), ('n_hastened', 0);

-- One row per message judged. `id` opens with the time, so that rows lie in the order of time.
CREATE TABLE messages (
    id BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    listener TEXT NOT NULL,
    mode TEXT NOT NULL,
    client_ip TEXT,
    envelope_from TEXT,
    author_domain TEXT,
    org_domain TEXT,
    dmarc TEXT NOT NULL,
    dkim_aligned INTEGER NOT NULL,
    spf_aligned INTEGER NOT NULL,
    policy_domain TEXT,
    published TEXT,
    spf TEXT NOT NULL,
    dkim TEXT NOT NULL,
    disposition TEXT NOT NULL,
    overrides TEXT NOT NULL,
    rule TEXT NOT NULL,
    taken TEXT NOT NULL,
    would_observe TEXT NOT NULL,
    would_quarantine TEXT NOT NULL,
    would_enforce TEXT NOT NULL,
    deferral BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_by_shadow ON messages (at) WHERE would_enforce <> taken OR would_quarantine <> taken;

-- What `messages` holds of each day: kept in the same transaction, so that nobody has to count.
CREATE TABLE message_days (
    day INTEGER NOT NULL PRIMARY KEY,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

-- One row per message judged. `id` opens with the time, so that rows lie in the order of time.
CREATE TABLE messages (
    id BYTEA NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    listener TEXT NOT NULL,
    mode TEXT NOT NULL,
    client_ip TEXT,
    envelope_from TEXT,
    author_domain TEXT,
    org_domain TEXT,
    dmarc TEXT NOT NULL,
    dkim_aligned BIGINT NOT NULL,
    spf_aligned BIGINT NOT NULL,
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
    deferral BYTEA
);

CREATE INDEX messages_by_shadow ON messages (at) WHERE would_enforce <> taken OR would_quarantine <> taken;

-- What `messages` holds of each day: kept in the same transaction, so that nobody has to count.
CREATE TABLE message_days (
    day BIGINT NOT NULL PRIMARY KEY,
    messages BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

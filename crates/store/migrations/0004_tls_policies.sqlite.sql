-- The MTA-STS policies of other domains: what a restart must not forget.
CREATE TABLE tls_policies (
    domain TEXT NOT NULL PRIMARY KEY,
    policy_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    fetched_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    refresh_at INTEGER NOT NULL,
    -- Who is in use, and for how long: on so many days, lastly on this one.
    days_used INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX tls_policies_by_refresh ON tls_policies (refresh_at);
CREATE INDEX tls_policies_by_use ON tls_policies (days_used, last_day);

-- What came to pass with them, and how answers changed.
CREATE TABLE tls_history (
    domain TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (domain, at, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX tls_history_by_time ON tls_history (at);

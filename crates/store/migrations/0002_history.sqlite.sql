-- What local policy remembers, one row a day or less, so that it is loaded in a moment.

-- The days on which an organizational domain had an aligned DKIM pass.
CREATE TABLE signing_days (
    org_domain TEXT NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (org_domain, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_days_by_day ON signing_days (day);

-- The networks from which an author domain's mail passed DMARC.
CREATE TABLE passing_networks (
    author_domain TEXT NOT NULL,
    network TEXT NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    PRIMARY KEY (author_domain, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX passing_networks_by_day ON passing_networks (last_day);

-- Since when mail is put off for a missing answer.
CREATE TABLE deferrals (
    key BLOB NOT NULL PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deferrals_by_last ON deferrals (last_at);

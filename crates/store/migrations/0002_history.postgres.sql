-- What local policy remembers, one row a day or less, so that it is loaded in a moment.

-- The days on which an organizational domain had an aligned DKIM pass.
CREATE TABLE signing_days (
    org_domain TEXT NOT NULL,
    day BIGINT NOT NULL,
    PRIMARY KEY (org_domain, day)
);
CREATE INDEX signing_days_by_day ON signing_days (day);

-- The networks from which an author domain's mail passed DMARC.
CREATE TABLE passing_networks (
    author_domain TEXT NOT NULL,
    network TEXT NOT NULL,
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    PRIMARY KEY (author_domain, network)
);
CREATE INDEX passing_networks_by_day ON passing_networks (last_day);

-- Since when mail is put off for a missing answer.
CREATE TABLE deferrals (
    key BYTEA NOT NULL PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX deferrals_by_last ON deferrals (last_at);

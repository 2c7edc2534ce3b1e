-- Jobs that several nodes share: who does it, and until when.
CREATE TABLE leases (
    job TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires BIGINT NOT NULL,
    token BIGINT NOT NULL
);

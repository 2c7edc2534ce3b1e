-- Jobs that several nodes share: who does it, and until when.
CREATE TABLE leases (
    job TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires INTEGER NOT NULL,
    token INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

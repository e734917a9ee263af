-- The issuing authority's ledger, form 1; ledger_form_2.sql adds to it. What must never happen is forbidden here, whatever program writes.

CREATE TABLE ledger (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    form     INTEGER NOT NULL,
    -- persons are told apart by SHA-256(salt, citizen ID number)
    salt     BLOB NOT NULL CHECK (length(salt) = 32),
    -- entries of a status list, and how many are handed out before the next list is begun
    entries  INTEGER NOT NULL CHECK (entries BETWEEN 1 AND 1048576),
    full_at  INTEGER NOT NULL CHECK (full_at BETWEEN 1 AND entries)
) STRICT;

CREATE TABLE list (
    number       INTEGER PRIMARY KEY CHECK (number >= 1),
    taken        INTEGER NOT NULL CHECK (taken >= 0),
    -- iat of the list published last, 0 before the first
    published_at INTEGER NOT NULL CHECK (published_at >= 0)
) STRICT;

CREATE TABLE permit (
    id             INTEGER PRIMARY KEY,
    residence_code INTEGER NOT NULL,
    version        INTEGER NOT NULL CHECK (version >= 1),
    -- 1 shown live, 2 printed
    kind           INTEGER NOT NULL CHECK (kind IN (1, 2)),
    person         BLOB NOT NULL CHECK (length(person) = 32),
    list           INTEGER NOT NULL REFERENCES list (number),
    slot           INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 1048575),
    -- 0 valid, 1 cancelled, 2 suspended, 3 superseded
    status         INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
    issued_at      INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL,
    bytes          BLOB NOT NULL,
    UNIQUE (residence_code, version),
    UNIQUE (list, slot)
) STRICT;

-- of one residence code at most one permit of a kind is in force
CREATE UNIQUE INDEX in_force ON permit (residence_code, kind) WHERE status IN (0, 2);
-- what a status list says
CREATE INDEX not_valid ON permit (list, slot, status) WHERE status <> 0;

-- no event leaves cancelled, and what is superseded can only be cancelled
CREATE TRIGGER status_is_final BEFORE UPDATE OF status ON permit
WHEN OLD.status <> NEW.status AND (OLD.status = 1 OR (OLD.status = 3 AND NEW.status <> 1))
BEGIN
    SELECT RAISE(ABORT, 'STATUS_FINAL');
END;

-- an enrolment's nonce counts once
CREATE TABLE enrolment (
    nonce  BLOB PRIMARY KEY CHECK (length(nonce) = 16),
    permit INTEGER NOT NULL REFERENCES permit (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id              INTEGER PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    begun_at        INTEGER NOT NULL
) STRICT;

-- under one idempotency key a place holds one request, and a request stands at one place
CREATE TABLE request (
    run    INTEGER NOT NULL REFERENCES run (id),
    place  INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    permit INTEGER NOT NULL REFERENCES permit (id),
    PRIMARY KEY (run, place),
    UNIQUE (run, digest)
) STRICT, WITHOUT ROWID;

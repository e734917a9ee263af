-- What form 2 adds to form 1: the switch that stops issuing, and what became of it each time.

CREATE TABLE halt (
    id     INTEGER PRIMARY KEY,
    since  INTEGER NOT NULL,
    -- when issuing was resumed; NULL while it is halted
    until  INTEGER CHECK (until >= since),
    -- for the people at the issuer: no names, numbers or addresses of holders
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 200)
) STRICT;

-- at most one halt is on
CREATE UNIQUE INDEX halted_now ON halt (until IS NULL) WHERE until IS NULL;

-- a halt can be ended, once, and nothing else about it changes
CREATE TRIGGER halt_is_kept BEFORE UPDATE ON halt
WHEN OLD.until IS NOT NULL OR NEW.until IS NULL
    OR NEW.id <> OLD.id OR NEW.since <> OLD.since OR NEW.reason <> OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'HALT_IS_KEPT');
END;

CREATE TRIGGER halt_is_not_deleted BEFORE DELETE ON halt
BEGIN
    SELECT RAISE(ABORT, 'HALT_IS_KEPT');
END;

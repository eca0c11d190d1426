-- The token's budget, which several processes share. Without it after a crash all begin anew: no log is needed.

CREATE {{unlogged}}TABLE budget (
    name TEXT PRIMARY KEY,
    next_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    share DOUBLE PRECISION NOT NULL DEFAULT 1,
    slowed_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    held_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    urgent_by TEXT NOT NULL DEFAULT '',
    urgent_until DOUBLE PRECISION NOT NULL DEFAULT 0
);

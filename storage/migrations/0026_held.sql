-- What does not go out by itself: posts that are held, why, and what the desk said; whole floods of a feed.

-- `sections` are those for which the desk or time has said yes; until `loud_until` no silence counts any more.
CREATE TABLE held (
    post_id BIGINT PRIMARY KEY,
    why TEXT NOT NULL,
    flood_id BIGINT NOT NULL DEFAULT 0,
    at BIGINT NOT NULL,
    until BIGINT,
    decision TEXT NOT NULL DEFAULT '',
    decided_by BIGINT NOT NULL DEFAULT 0,
    decided_at BIGINT,
    sections BIGINT NOT NULL DEFAULT 0,
    loud_until BIGINT NOT NULL DEFAULT 0
){{clustered}};
CREATE INDEX held_open ON held (post_id) WHERE decided_at IS NULL;

CREATE TABLE flood (
    id {{id}},
    feed_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    at BIGINT NOT NULL,
    decision TEXT NOT NULL DEFAULT '',
    decided_by BIGINT NOT NULL DEFAULT 0,
    decided_at BIGINT
);
CREATE INDEX flood_open ON flood (id) WHERE decided_at IS NULL;
CREATE INDEX post_unsorted ON post (id) WHERE state = 'unsorted';
CREATE INDEX post_held ON post (id) WHERE state = 'held';

-- The newsroom's own channels: readers of the kind "channel", and how they are kept.

-- `channel_id` is the id of a reader.
CREATE TABLE channel (
    channel_id BIGINT PRIMARY KEY,
    listed TEXT NOT NULL,
    manner TEXT NOT NULL,
    rights TEXT,
    pinned_id BIGINT NOT NULL DEFAULT 0,
    rates_id BIGINT NOT NULL DEFAULT 0,
    rates_text TEXT NOT NULL DEFAULT ''
);

-- What a channel is to get, once; NULL while it waits for its turn.
CREATE TABLE channel_post (
    channel_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    broadcast_id BIGINT,
    posted_at BIGINT,
    PRIMARY KEY (channel_id, post_id)
){{clustered}};
CREATE INDEX channel_post_queued ON channel_post (queued_at);

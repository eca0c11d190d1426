-- What editors post by hand in channels that are a source; those that wait are to be looked at.

-- `channel_id` is the id of a reader; what was taken up at the desk has become a draft.
CREATE TABLE hand (
    channel_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    album TEXT NOT NULL,
    content TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    waits INTEGER NOT NULL,
    post_id BIGINT,
    draft_id BIGINT,
    PRIMARY KEY (channel_id, message_id)
){{clustered}};

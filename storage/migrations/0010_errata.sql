-- Corrections and withdrawals as the desk makes them, and the book of who did what with the words of then.

CREATE TABLE erratum (
    id {{id}},
    post_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    gravity TEXT NOT NULL,
    state TEXT NOT NULL,
    author_id BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    card_id BIGINT NOT NULL DEFAULT 0,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    reported_at BIGINT
);
CREATE INDEX erratum_sent ON erratum (sent_at) WHERE state = 'sent';

-- Whom a broadcast is for: those who hold a copy of this post (0: whoever its other demands fit); and the post to
-- whose copy it replies where a reader has one.
ALTER TABLE broadcast ADD COLUMN holders BIGINT NOT NULL DEFAULT 0;
ALTER TABLE broadcast ADD COLUMN reply_to BIGINT NOT NULL DEFAULT 0;

ALTER TABLE audit ADD COLUMN text TEXT NOT NULL DEFAULT '';

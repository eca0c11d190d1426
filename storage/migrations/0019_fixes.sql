-- A correction or withdrawal is a draft like any other until it is sent; here stands what was sent, for everybody to see.

DROP TABLE erratum;
CREATE TABLE erratum (
    id {{id}},
    draft_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    gravity TEXT NOT NULL,
    author_id BIGINT NOT NULL,
    content TEXT NOT NULL,
    sent_at BIGINT NOT NULL
);
CREATE INDEX erratum_draft ON erratum (draft_id);
CREATE INDEX erratum_sent ON erratum (sent_at);

-- A story: the post that this one goes on with (0: none), and the story's first post (0: it is no story).
ALTER TABLE post ADD COLUMN reply_to BIGINT NOT NULL DEFAULT 0;
ALTER TABLE post ADD COLUMN story_id BIGINT NOT NULL DEFAULT 0;

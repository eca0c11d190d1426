-- Articles that are not in their feed any more, although older ones are: perhaps withdrawn by the site.

CREATE TABLE vanished (
    article_id BIGINT PRIMARY KEY,
    feed_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    proposed_at BIGINT,
    decided_at BIGINT
){{clustered}};
CREATE INDEX vanished_feed ON vanished (feed_id);

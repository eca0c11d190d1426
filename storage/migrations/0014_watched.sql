-- Feeds that editors added in the chat, how feeds behave as a rule, and what the desk was told about.

ALTER TABLE feed ADD COLUMN added_at BIGINT;
ALTER TABLE feed ADD COLUMN paused_at BIGINT;
ALTER TABLE feed ADD COLUMN section TEXT NOT NULL DEFAULT '';
-- How many items it holds as a rule, how many articles each hour of the week brings, when all its items were read last.
ALTER TABLE feed ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN rhythm TEXT NOT NULL DEFAULT '';
ALTER TABLE feed ADD COLUMN read_at BIGINT;

-- What should be told: at most once a day for one cause, and what was told in these very words once a week.
CREATE TABLE alarm (
    subject TEXT NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    told TEXT NOT NULL DEFAULT '',
    told_at BIGINT NOT NULL DEFAULT 0,
    muted_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, cause)
){{clustered}};

-- What readers press under a post, once each: 'read' for the whole article in the chat, and what else is counted.
CREATE TABLE tap (
    reader_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, post_id, kind)
){{clustered}};
CREATE INDEX tap_post ON tap (post_id, kind);

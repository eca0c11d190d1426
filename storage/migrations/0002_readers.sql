-- What a reader wants less of, or later: sections muted for a while, a pause from everything, posts saved.

-- The sections that are muted now, kept with the choices so that an audience stays one condition over one table.
ALTER TABLE reader ADD COLUMN muted BIGINT NOT NULL DEFAULT 0;

-- When a reader whose state is "paused" gets news again.
ALTER TABLE reader ADD COLUMN paused_until BIGINT;
CREATE INDEX reader_paused ON reader (paused_until) WHERE paused_until IS NOT NULL;

CREATE TABLE mute (
    reader_id BIGINT NOT NULL,
    bit INTEGER NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (reader_id, bit)
){{clustered}};
CREATE INDEX mute_until ON mute (until);

CREATE TABLE saved (
    reader_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, post_id)
){{clustered}};
CREATE INDEX saved_post ON saved (post_id);

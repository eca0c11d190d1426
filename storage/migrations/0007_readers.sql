-- What a reader does under a post: sections muted for a while, posts saved.

-- The sections that are muted now, kept with the choices so that an audience stays one condition over one table.
ALTER TABLE reader ADD COLUMN muted BIGINT NOT NULL DEFAULT 0;

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

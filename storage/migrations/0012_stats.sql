-- What /stats shows: counts by day and section, kept after receipts are forgotten.

-- Days since 0001-01-01 in the newsroom's zone; a section's id, 'breaking', or '' for all.
CREATE TABLE stat (
    day BIGINT NOT NULL,
    section TEXT NOT NULL,
    what TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, section, what)
){{clustered}};

-- When a send's receipts were added to the counts.
ALTER TABLE broadcast ADD COLUMN counted_at BIGINT;
CREATE INDEX broadcast_uncounted ON broadcast (id) WHERE counted_at IS NULL AND kind = 'send';

-- The sections with which a reader stands in the counts, bit 62 for being one at all.
ALTER TABLE reader ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
UPDATE reader SET counted = sections | 4611686018427387904 WHERE state IN ('active', 'paused') AND kind <> 'channel';

-- The same of readers who were erased, without a trace of who it was.
CREATE TABLE departed (
    id {{id}},
    counted BIGINT NOT NULL
);

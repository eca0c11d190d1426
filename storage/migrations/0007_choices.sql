-- What readers choose besides sections: how much, when, in which languages, about what.

ALTER TABLE reader ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE reader ADD COLUMN night_breaking INTEGER NOT NULL DEFAULT 0;
-- Posts a day; -1: all, 0: digests only.
ALTER TABLE reader ADD COLUMN volume INTEGER NOT NULL DEFAULT -1;
ALTER TABLE reader ADD COLUMN quiet TEXT NOT NULL DEFAULT 'silent';
ALTER TABLE reader ADD COLUMN quiet_from INTEGER NOT NULL DEFAULT 1380;
ALTER TABLE reader ADD COLUMN quiet_to INTEGER NOT NULL DEFAULT 450;
-- ",480,1140,": minutes of the day.
ALTER TABLE reader ADD COLUMN digest_at TEXT NOT NULL DEFAULT ',480,1140,';
ALTER TABLE reader ADD COLUMN digest_days INTEGER NOT NULL DEFAULT 127;
ALTER TABLE reader ADD COLUMN news_languages TEXT NOT NULL DEFAULT '';
ALTER TABLE reader ADD COLUMN main_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reader ADD COLUMN regions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reader ADD COLUMN rates INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reader ADD COLUMN zone TEXT NOT NULL DEFAULT '';

-- Posts that count for the volume: of that day (since 1970, in the reader's zone), so many.
ALTER TABLE reader ADD COLUMN sent_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reader ADD COLUMN sent_n INTEGER NOT NULL DEFAULT 0;

-- When the reader's next list is due (0: to be reckoned), and since when it counts: the `turn` of a broadcast.
ALTER TABLE reader ADD COLUMN list_at BIGINT;
ALTER TABLE reader ADD COLUMN listed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX reader_list ON reader (list_at) WHERE list_at IS NOT NULL AND state = 'active';

-- The desk's star.
ALTER TABLE post ADD COLUMN main INTEGER NOT NULL DEFAULT 0;

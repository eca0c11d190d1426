-- The last day (since 1970, UTC) on which a chat did something here: breaking news goes to the recently active first.

ALTER TABLE reader ADD COLUMN active_day BIGINT NOT NULL DEFAULT 0;
UPDATE reader SET active_day = changed_at / 86400;

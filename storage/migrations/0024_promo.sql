-- Partner posts: who wants none, and on which day (newsroom's zone, days since 0001-01-01) a send of one counts.

ALTER TABLE reader ADD COLUMN partner INTEGER NOT NULL DEFAULT 1;
ALTER TABLE broadcast ADD COLUMN promo_day BIGINT;
CREATE INDEX broadcast_promo ON broadcast (promo_day) WHERE promo_day IS NOT NULL;

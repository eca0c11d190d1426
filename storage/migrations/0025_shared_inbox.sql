-- Several processes may take updates: each is handled by one, until its time is over (milliseconds).

ALTER TABLE inbox ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN until BIGINT NOT NULL DEFAULT 0;

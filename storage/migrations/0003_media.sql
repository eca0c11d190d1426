-- Pictures that are uploaded once.

CREATE TABLE media (
    key TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    file_id TEXT NOT NULL DEFAULT '',
    failed_at BIGINT,
    reason TEXT NOT NULL DEFAULT '',
    changed_at BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0
){{clustered}};

-- When somebody asked that a feed be looked at now.
ALTER TABLE feed ADD COLUMN asked_at BIGINT;
CREATE INDEX feed_asked ON feed (id) WHERE asked_at IS NOT NULL;

-- Calls of the newsroom's API under the names that their clients gave them.
CREATE TABLE api_call (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    begun_at BIGINT NOT NULL
){{clustered}};
CREATE INDEX api_call_begun ON api_call (begun_at);

-- /stats counts by kind and time.
CREATE INDEX tap_kind ON tap (kind, at);

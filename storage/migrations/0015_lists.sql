-- Lists: what waited for readers who want no more just now.

-- The order in which sends of posts began, or went on after a pause: readers remember up to which a list has told them.
ALTER TABLE broadcast ADD COLUMN serial BIGINT;
CREATE INDEX broadcast_serial ON broadcast (serial) WHERE serial IS NOT NULL;
UPDATE broadcast SET serial = id WHERE kind = 'send' AND lane = 2 AND started_at IS NOT NULL;

-- What a message with several posts has brought to a reader.
CREATE INDEX receipt_carried ON receipt (reader_id) WHERE carried IS NOT NULL;

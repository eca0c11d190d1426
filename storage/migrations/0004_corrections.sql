-- Broadcasts that edit or delete what an earlier one has sent.

-- A correction's target: the broadcast whose copies it changes, 0 for copies shown outside one; NULL for a send.
ALTER TABLE broadcast ADD COLUMN target_id BIGINT;
ALTER TABLE broadcast ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

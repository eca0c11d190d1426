-- Broadcasts that are paid for with Stars.

-- Messages paid for, and why no more of them were: 'cap', or Telegram's reason.
ALTER TABLE broadcast ADD COLUMN paid BIGINT NOT NULL DEFAULT 0;
ALTER TABLE broadcast ADD COLUMN unpaid TEXT NOT NULL DEFAULT '';

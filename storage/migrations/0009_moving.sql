-- Readers who came with a file from an earlier bot.

-- 1: is asked at the next post what to send.
ALTER TABLE reader ADD COLUMN ask INTEGER NOT NULL DEFAULT 0;

-- How many posts came to whom, in a table of its own: one of 36 columns of a reader cost four times as much to change.

CREATE TABLE pace (
    reader_id {{key}},
    day BIGINT NOT NULL,
    n BIGINT NOT NULL
);
INSERT INTO pace (reader_id, day, n) SELECT id, sent_day, sent_n FROM reader WHERE volume > 0 AND sent_day <> 0;
ALTER TABLE reader DROP COLUMN sent_day;
ALTER TABLE reader DROP COLUMN sent_n;

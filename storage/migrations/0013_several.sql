-- Several processes on one database.

-- Whose readers a block of 1,024 is: all its open broadcasts belong to one worker. Times are milliseconds.
CREATE TABLE block_owner (
    block BIGINT PRIMARY KEY,
    worker TEXT NOT NULL,
    until BIGINT NOT NULL
);

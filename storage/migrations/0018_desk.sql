-- The desk: drafts that wait for a second person or for their time, cards that tell how things stand.

ALTER TABLE draft ADD COLUMN thread_id BIGINT NOT NULL DEFAULT 0;
-- Rises with each change.
ALTER TABLE draft ADD COLUMN rev BIGINT NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN touched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN due_at BIGINT;
ALTER TABLE draft ADD COLUMN embargo_at BIGINT;
-- What was asked to be approved, and until when.
ALTER TABLE draft ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN review_until BIGINT;
ALTER TABLE draft ADD COLUMN sent_by BIGINT NOT NULL DEFAULT 0;
-- Sent without a second person, until somebody has looked at it.
ALTER TABLE draft ADD COLUMN solo INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN viewed_by BIGINT;

UPDATE draft SET state = 'dropped' WHERE state = 'compose';
UPDATE draft SET state = 'draft' WHERE state = 'preview';
UPDATE draft SET touched_at = created_at, sent_by = CASE state WHEN 'sent' THEN author_id ELSE 0 END;

CREATE INDEX draft_open ON draft (state, touched_at) WHERE state IN ('compose', 'draft', 'review', 'approved');

CREATE TABLE approval (
    draft_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (draft_id, user_id)
){{clustered}};

-- Until then nothing leaves that is known under this key: a draft's own, and the article's that it is about.
CREATE TABLE embargo (
    key TEXT NOT NULL,
    draft_id BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (key, draft_id)
){{clustered}};

-- What the next message of an editor in a chat is the answer to.
CREATE TABLE awaited (
    user_id BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    what TEXT NOT NULL,
    subject BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (user_id, chat_id)
){{clustered}};

CREATE TABLE card (
    kind TEXT NOT NULL,
    subject BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    said TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject, chat_id)
){{clustered}};

INSERT INTO card (kind, subject, chat_id, message_id, said, at)
    SELECT 'draft', id, chat_id, card_id, '', created_at FROM draft
    WHERE state = 'sent' AND reported_at IS NULL AND card_id <> 0;

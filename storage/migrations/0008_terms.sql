-- Words and phrases that readers hide or follow: a dictionary of terms, who chose which, and which post holds which.

CREATE TABLE term (
    id {{id}},
    key TEXT NOT NULL UNIQUE,
    head TEXT NOT NULL
);
CREATE INDEX term_head ON term (head);

-- A reader's word may be several terms (a word that could be Russian or Kazakh): they share `word`, as it was typed.
CREATE TABLE reader_term (
    reader_id BIGINT NOT NULL,
    term_id BIGINT NOT NULL,
    follows INTEGER NOT NULL,
    word TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, term_id)
){{clustered}};
CREATE INDEX reader_term_term ON reader_term (term_id, follows, reader_id);

CREATE TABLE post_term (
    post_id BIGINT NOT NULL,
    term_id BIGINT NOT NULL,
    PRIMARY KEY (post_id, term_id)
){{clustered}};
CREATE INDEX post_term_term ON post_term (term_id);

-- The version of a post whose words have been looked up in the dictionary. Nobody has chosen any yet.
ALTER TABLE post ADD COLUMN read_version INTEGER NOT NULL DEFAULT 0;
UPDATE post SET read_version = version WHERE state <> 'waiting';
CREATE INDEX post_unread ON post (id) WHERE read_version < version;

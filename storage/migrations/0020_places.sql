-- Groups and channels, and who has set them up.

CREATE TABLE place (
    chat_id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    username TEXT NOT NULL,
    is_forum INTEGER NOT NULL,
    by_topic INTEGER NOT NULL,
    added_at BIGINT NOT NULL
);

CREATE TABLE place_admin (
    chat_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (chat_id, user_id)
){{clustered}};
CREATE INDEX place_admin_user ON place_admin (user_id);

CREATE TRIGGER article_words_delete AFTER DELETE ON article BEGIN
    INSERT INTO article_words (article_words, rowid, title, lead) VALUES ('delete', old.id, old.title, old.lead);
END;
CREATE TRIGGER article_words_insert AFTER INSERT ON article BEGIN
    INSERT INTO article_words (rowid, title, lead) VALUES (new.id, new.title, new.lead);
END;
CREATE TRIGGER article_words_update AFTER UPDATE OF title, lead ON article BEGIN
    INSERT INTO article_words (article_words, rowid, title, lead) VALUES ('delete', old.id, old.title, old.lead);
    INSERT INTO article_words (rowid, title, lead) VALUES (new.id, new.title, new.lead);
END;
CREATE TABLE alarm (
    subject TEXT NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    told TEXT NOT NULL DEFAULT '',
    told_at BIGINT NOT NULL DEFAULT 0,
    muted_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, cause)
) WITHOUT ROWID;
CREATE TABLE alias (
    key TEXT PRIMARY KEY,
    article_id BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE api_call (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    begun_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE approval (
    draft_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (draft_id, user_id)
) WITHOUT ROWID;
CREATE TABLE article (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id BIGINT NOT NULL,
    language TEXT NOT NULL,
    title TEXT NOT NULL,
    lead TEXT NOT NULL,
    link TEXT NOT NULL,
    image TEXT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    sections BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    published_at BIGINT,
    seen_at BIGINT NOT NULL,
    edits INTEGER NOT NULL DEFAULT 0,
    edited_at BIGINT
);
CREATE VIRTUAL TABLE article_words USING fts5(
    title, lead, content = 'article', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3',
    detail = none, columnsize = 0
);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
, text TEXT NOT NULL DEFAULT '');
CREATE TABLE awaited (
    user_id BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    what TEXT NOT NULL,
    subject BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (user_id, chat_id)
) WITHOUT ROWID;
CREATE TABLE block_owner (
    block BIGINT PRIMARY KEY,
    worker TEXT NOT NULL,
    until BIGINT NOT NULL
);
CREATE TABLE broadcast (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL DEFAULT 'send',
    lane INTEGER NOT NULL,
    state TEXT NOT NULL,
    sections BIGINT NOT NULL,
    besides BIGINT NOT NULL DEFAULT 0,
    breaking INTEGER NOT NULL,
    languages TEXT NOT NULL,
    horizon BIGINT NOT NULL,
    start_block BIGINT NOT NULL,
    cursor BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
, target_id BIGINT, version INTEGER NOT NULL DEFAULT 0, paid BIGINT NOT NULL DEFAULT 0, unpaid TEXT NOT NULL DEFAULT '', holders BIGINT NOT NULL DEFAULT 0, reply_to BIGINT NOT NULL DEFAULT 0, audience TEXT NOT NULL DEFAULT '', counted_at BIGINT, serial BIGINT, promo_day BIGINT);
CREATE TABLE broadcast_post (
    broadcast_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, post_id)
) WITHOUT ROWID;
CREATE TABLE budget (
    name TEXT PRIMARY KEY,
    next_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    share DOUBLE PRECISION NOT NULL DEFAULT 1,
    slowed_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    held_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    urgent_by TEXT NOT NULL DEFAULT '',
    urgent_until DOUBLE PRECISION NOT NULL DEFAULT 0
);
CREATE TABLE card (
    kind TEXT NOT NULL,
    subject BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    said TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject, chat_id)
) WITHOUT ROWID;
CREATE TABLE channel (
    channel_id BIGINT PRIMARY KEY,
    listed TEXT NOT NULL,
    manner TEXT NOT NULL,
    rights TEXT,
    pinned_id BIGINT NOT NULL DEFAULT 0,
    rates_id BIGINT NOT NULL DEFAULT 0,
    rates_text TEXT NOT NULL DEFAULT ''
);
CREATE TABLE channel_post (
    channel_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    broadcast_id BIGINT,
    posted_at BIGINT,
    PRIMARY KEY (channel_id, post_id)
) WITHOUT ROWID;
CREATE TABLE copy (
    post_id BIGINT NOT NULL,
    reader_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    shown_at BIGINT NOT NULL,
    PRIMARY KEY (post_id, reader_id, message_id)
) WITHOUT ROWID;
CREATE TABLE departed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    counted BIGINT NOT NULL
);
CREATE TABLE draft (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    card_id BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    language TEXT NOT NULL,
    content TEXT NOT NULL,
    broadcast_id BIGINT,
    created_at BIGINT NOT NULL,
    reported_at BIGINT
, thread_id BIGINT NOT NULL DEFAULT 0, rev BIGINT NOT NULL DEFAULT 0, touched_at BIGINT NOT NULL DEFAULT 0, due_at BIGINT, embargo_at BIGINT, seal TEXT NOT NULL DEFAULT '', review_until BIGINT, sent_by BIGINT NOT NULL DEFAULT 0, solo INTEGER NOT NULL DEFAULT 0, viewed_by BIGINT);
CREATE TABLE editor (
    user_id BIGINT PRIMARY KEY,
    role INTEGER NOT NULL,
    name TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    added_by BIGINT NOT NULL
);
CREATE TABLE embargo (
    key TEXT NOT NULL,
    draft_id BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (key, draft_id)
) WITHOUT ROWID;
CREATE TABLE erratum (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    draft_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    gravity TEXT NOT NULL,
    author_id BIGINT NOT NULL,
    content TEXT NOT NULL,
    sent_at BIGINT NOT NULL
);
CREATE TABLE feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL DEFAULT '',
    etag TEXT NOT NULL DEFAULT '',
    last_modified TEXT NOT NULL DEFAULT '',
    body_hash TEXT NOT NULL DEFAULT '',
    primed_at BIGINT,
    next_at BIGINT NOT NULL DEFAULT 0,
    checked_at BIGINT,
    ok_at BIGINT,
    new_at BIGINT,
    gap DOUBLE PRECISION NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    moved_to TEXT NOT NULL DEFAULT '',
    moved_times INTEGER NOT NULL DEFAULT 0,
    gone_at BIGINT
, added_at BIGINT, paused_at BIGINT, section TEXT NOT NULL DEFAULT '', items INTEGER NOT NULL DEFAULT 0, rhythm TEXT NOT NULL DEFAULT '', read_at BIGINT, asked_at BIGINT);
CREATE TABLE flood (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id BIGINT NOT NULL,
    n INTEGER NOT NULL,
    at BIGINT NOT NULL,
    decision TEXT NOT NULL DEFAULT '',
    decided_by BIGINT NOT NULL DEFAULT 0,
    decided_at BIGINT
);
CREATE TABLE hand (
    channel_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    album TEXT NOT NULL,
    content TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    waits INTEGER NOT NULL,
    post_id BIGINT,
    draft_id BIGINT,
    PRIMARY KEY (channel_id, message_id)
) WITHOUT ROWID;
CREATE TABLE held (
    post_id BIGINT PRIMARY KEY,
    why TEXT NOT NULL,
    flood_id BIGINT NOT NULL DEFAULT 0,
    at BIGINT NOT NULL,
    until BIGINT,
    decision TEXT NOT NULL DEFAULT '',
    decided_by BIGINT NOT NULL DEFAULT 0,
    decided_at BIGINT,
    sections BIGINT NOT NULL DEFAULT 0,
    loud_until BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE hold (
    chat_id BIGINT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE TABLE inbox (
    update_id BIGINT PRIMARY KEY,
    chat BIGINT NOT NULL,
    body TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    handled_at BIGINT,
    attempts INTEGER NOT NULL DEFAULT 0
, worker TEXT NOT NULL DEFAULT '', until BIGINT NOT NULL DEFAULT 0);
CREATE TABLE invitation (
    hash TEXT PRIMARY KEY,
    role INTEGER NOT NULL,
    made_by BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by BIGINT
);
CREATE TABLE leader (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE TABLE lease (
    broadcast_id BIGINT NOT NULL,
    block BIGINT NOT NULL,
    worker TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (broadcast_id, block)
) WITHOUT ROWID;
CREATE TABLE media (
    key TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    file_id TEXT NOT NULL DEFAULT '',
    failed_at BIGINT,
    reason TEXT NOT NULL DEFAULT '',
    changed_at BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE mute (
    reader_id BIGINT NOT NULL,
    bit INTEGER NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (reader_id, bit)
) WITHOUT ROWID;
CREATE TABLE pace (
    reader_id INTEGER PRIMARY KEY,
    day BIGINT NOT NULL,
    n BIGINT NOT NULL
);
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
) WITHOUT ROWID;
CREATE TABLE post (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    article_id BIGINT UNIQUE,
    version INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    sections BIGINT NOT NULL,
    served BIGINT NOT NULL DEFAULT 0,
    language TEXT NOT NULL,
    everybody INTEGER NOT NULL DEFAULT 0,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL
, main INTEGER NOT NULL DEFAULT 0, read_version INTEGER NOT NULL DEFAULT 0, reply_to BIGINT NOT NULL DEFAULT 0, story_id BIGINT NOT NULL DEFAULT 0);
CREATE TABLE post_term (
    post_id BIGINT NOT NULL,
    term_id BIGINT NOT NULL,
    PRIMARY KEY (post_id, term_id)
) WITHOUT ROWID;
CREATE TABLE rate (
    day TEXT NOT NULL,
    code TEXT NOT NULL,
    value TEXT NOT NULL,
    quant INTEGER NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (day, code)
) WITHOUT ROWID;
CREATE TABLE reader (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id BIGINT NOT NULL,
    thread_id BIGINT NOT NULL DEFAULT 0,
    language TEXT NOT NULL,
    state TEXT NOT NULL,
    sections BIGINT NOT NULL DEFAULT 0,
    breaking INTEGER NOT NULL DEFAULT 1,
    source TEXT NOT NULL DEFAULT '',
    joined_at BIGINT NOT NULL,
    consent_at BIGINT,
    consent_text TEXT NOT NULL DEFAULT '',
    changed_at BIGINT NOT NULL, muted BIGINT NOT NULL DEFAULT 0, paused_until BIGINT, active_day BIGINT NOT NULL DEFAULT 0, kind TEXT NOT NULL DEFAULT 'person', night_breaking INTEGER NOT NULL DEFAULT 0, volume INTEGER NOT NULL DEFAULT -1, quiet TEXT NOT NULL DEFAULT 'silent', quiet_from INTEGER NOT NULL DEFAULT 1380, quiet_to INTEGER NOT NULL DEFAULT 450, digest_at TEXT NOT NULL DEFAULT ',480,1140,', digest_days INTEGER NOT NULL DEFAULT 127, news_languages TEXT NOT NULL DEFAULT '', main_only INTEGER NOT NULL DEFAULT 0, regions BIGINT NOT NULL DEFAULT 0, rates INTEGER NOT NULL DEFAULT 0, zone TEXT NOT NULL DEFAULT '', list_at BIGINT, listed BIGINT NOT NULL DEFAULT 0, ask INTEGER NOT NULL DEFAULT 0, counted BIGINT NOT NULL DEFAULT 0, partner INTEGER NOT NULL DEFAULT 1, chosen TEXT NOT NULL DEFAULT '',
    UNIQUE (chat_id, thread_id)
);
CREATE TABLE reader_term (
    reader_id BIGINT NOT NULL,
    term_id BIGINT NOT NULL,
    follows INTEGER NOT NULL,
    word TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, term_id)
) WITHOUT ROWID;
CREATE TABLE receipt (
    broadcast_id BIGINT NOT NULL,
    reader_id BIGINT NOT NULL,
    outcome INTEGER NOT NULL,
    message_id BIGINT,
    version INTEGER NOT NULL,
    carried TEXT,
    attempts INTEGER NOT NULL,
    due_at BIGINT,
    took_ms BIGINT NOT NULL,
    reason TEXT,
    PRIMARY KEY (broadcast_id, reader_id)
) WITHOUT ROWID;
CREATE TABLE saved (
    reader_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, post_id)
) WITHOUT ROWID;
CREATE TABLE section (
    id TEXT PRIMARY KEY,
    bit INTEGER NOT NULL UNIQUE
);
CREATE TABLE stat (
    day BIGINT NOT NULL,
    section TEXT NOT NULL,
    what TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, section, what)
) WITHOUT ROWID;
CREATE TABLE tap (
    reader_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (reader_id, post_id, kind)
) WITHOUT ROWID;
CREATE TABLE term (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    head TEXT NOT NULL
);
CREATE TABLE vanished (
    article_id BIGINT PRIMARY KEY,
    feed_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    proposed_at BIGINT,
    decided_at BIGINT
) WITHOUT ROWID;
CREATE INDEX api_call_begun ON api_call (begun_at);
CREATE INDEX article_newest ON article (seen_at);
CREATE INDEX article_of_feed ON article (feed_id, seen_at);
CREATE INDEX broadcast_open ON broadcast (id) WHERE state IN ('countdown', 'running', 'paused');
CREATE INDEX broadcast_post_post ON broadcast_post (post_id);
CREATE INDEX broadcast_promo ON broadcast (promo_day) WHERE promo_day IS NOT NULL;
CREATE INDEX broadcast_serial ON broadcast (serial) WHERE serial IS NOT NULL;
CREATE INDEX broadcast_uncounted ON broadcast (id) WHERE counted_at IS NULL AND kind = 'send';
CREATE INDEX channel_post_queued ON channel_post (queued_at);
CREATE INDEX draft_author ON draft (author_id, state);
CREATE INDEX draft_broadcast ON draft (broadcast_id);
CREATE INDEX draft_card ON draft (id) WHERE state = 'sent' AND reported_at IS NULL;
CREATE INDEX draft_open ON draft (state, touched_at) WHERE state IN ('compose', 'draft', 'review', 'approved');
CREATE INDEX erratum_draft ON erratum (draft_id);
CREATE INDEX erratum_sent ON erratum (sent_at);
CREATE INDEX feed_asked ON feed (id) WHERE asked_at IS NOT NULL;
CREATE INDEX flood_open ON flood (id) WHERE decided_at IS NULL;
CREATE INDEX held_open ON held (post_id) WHERE decided_at IS NULL;
CREATE INDEX inbox_chat ON inbox (chat);
CREATE INDEX inbox_waiting ON inbox (update_id) WHERE handled_at IS NULL;
CREATE INDEX mute_until ON mute (until);
CREATE INDEX place_admin_user ON place_admin (user_id);
CREATE INDEX post_held ON post (id) WHERE state = 'held';
CREATE INDEX post_term_term ON post_term (term_id);
CREATE INDEX post_unread ON post (id) WHERE read_version < version;
CREATE INDEX post_unsorted ON post (id) WHERE state = 'unsorted';
CREATE INDEX post_waiting ON post (id) WHERE state = 'waiting';
CREATE INDEX reader_list ON reader (list_at) WHERE list_at IS NOT NULL AND state = 'active';
CREATE INDEX reader_paused ON reader (paused_until) WHERE paused_until IS NOT NULL;
CREATE INDEX reader_term_term ON reader_term (term_id, follows, reader_id);
CREATE INDEX receipt_carried ON receipt (reader_id) WHERE carried IS NOT NULL;
CREATE INDEX receipt_due ON receipt (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX saved_post ON saved (post_id);
CREATE INDEX tap_kind ON tap (kind, at);
CREATE INDEX tap_post ON tap (post_id, kind);
CREATE INDEX term_head ON term (head);
CREATE INDEX vanished_feed ON vanished (feed_id);

TABLE alarm
    subject text NOT NULL
    cause text NOT NULL
    detail text NOT NULL
    at bigint NOT NULL
    told text NOT NULL ''::text
    told_at bigint NOT NULL 0
    muted_until bigint NOT NULL 0
    CREATE UNIQUE INDEX alarm_pkey ON public.alarm USING btree (subject, cause)
TABLE alias
    key text NOT NULL
    article_id bigint NOT NULL
    seen_at bigint NOT NULL
    CREATE UNIQUE INDEX alias_pkey ON public.alias USING btree (key)
TABLE api_call
    name text NOT NULL
    digest text NOT NULL
    status integer NOT NULL
    answer text NOT NULL
    begun_at bigint NOT NULL
    CREATE INDEX api_call_begun ON public.api_call USING btree (begun_at)
    CREATE UNIQUE INDEX api_call_pkey ON public.api_call USING btree (name)
TABLE approval
    draft_id bigint NOT NULL
    user_id bigint NOT NULL
    at bigint NOT NULL
    CREATE UNIQUE INDEX approval_pkey ON public.approval USING btree (draft_id, user_id)
TABLE article
    id bigint NOT NULL identity
    feed_id bigint NOT NULL
    language text NOT NULL
    title text NOT NULL
    lead text NOT NULL
    link text NOT NULL
    image text NOT NULL
    author text NOT NULL
    body text NOT NULL
    sections bigint NOT NULL
    fingerprint text NOT NULL
    published_at bigint
    seen_at bigint NOT NULL
    edits integer NOT NULL 0
    edited_at bigint
    words tsvector to_tsvector('simple'::regconfig, ((title || ' '::text) || lead))
    CREATE INDEX article_newest ON public.article USING btree (seen_at)
    CREATE INDEX article_of_feed ON public.article USING btree (feed_id, seen_at)
    CREATE INDEX article_words ON public.article USING gin (words)
    CREATE UNIQUE INDEX article_pkey ON public.article USING btree (id)
TABLE audit
    id bigint NOT NULL identity
    at bigint NOT NULL
    user_id bigint NOT NULL
    action text NOT NULL
    subject text NOT NULL
    text text NOT NULL ''::text
    CREATE UNIQUE INDEX audit_pkey ON public.audit USING btree (id)
TABLE awaited
    user_id bigint NOT NULL
    chat_id bigint NOT NULL
    what text NOT NULL
    subject bigint NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX awaited_pkey ON public.awaited USING btree (user_id, chat_id)
TABLE block_owner
    block bigint NOT NULL
    worker text NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX block_owner_pkey ON public.block_owner USING btree (block)
TABLE broadcast
    id bigint NOT NULL identity
    key text NOT NULL
    kind text NOT NULL 'send'::text
    lane integer NOT NULL
    state text NOT NULL
    sections bigint NOT NULL
    besides bigint NOT NULL 0
    breaking integer NOT NULL
    languages text NOT NULL
    horizon bigint NOT NULL
    start_block bigint NOT NULL
    cursor bigint NOT NULL 0
    total bigint NOT NULL
    due_at bigint NOT NULL
    created_at bigint NOT NULL
    started_at bigint
    finished_at bigint
    target_id bigint
    version integer NOT NULL 0
    paid bigint NOT NULL 0
    unpaid text NOT NULL ''::text
    holders bigint NOT NULL 0
    reply_to bigint NOT NULL 0
    audience text NOT NULL ''::text
    counted_at bigint
    serial bigint
    promo_day bigint
    CREATE INDEX broadcast_open ON public.broadcast USING btree (id) WHERE (state = ANY (ARRAY['countdown'::text, 'running'::text, 'paused'::text]))
    CREATE INDEX broadcast_promo ON public.broadcast USING btree (promo_day) WHERE (promo_day IS NOT NULL)
    CREATE INDEX broadcast_serial ON public.broadcast USING btree (serial) WHERE (serial IS NOT NULL)
    CREATE INDEX broadcast_uncounted ON public.broadcast USING btree (id) WHERE ((counted_at IS NULL) AND (kind = 'send'::text))
    CREATE UNIQUE INDEX broadcast_key_key ON public.broadcast USING btree (key)
    CREATE UNIQUE INDEX broadcast_pkey ON public.broadcast USING btree (id)
TABLE broadcast_post
    broadcast_id bigint NOT NULL
    post_id bigint NOT NULL
    n integer NOT NULL
    CREATE INDEX broadcast_post_post ON public.broadcast_post USING btree (post_id)
    CREATE UNIQUE INDEX broadcast_post_pkey ON public.broadcast_post USING btree (broadcast_id, post_id)
TABLE budget
    name text NOT NULL
    next_at double precision NOT NULL 0
    share double precision NOT NULL 1
    slowed_at double precision NOT NULL 0
    held_until double precision NOT NULL 0
    urgent_by text NOT NULL ''::text
    urgent_until double precision NOT NULL 0
    CREATE UNIQUE INDEX budget_pkey ON public.budget USING btree (name)
TABLE card
    kind text NOT NULL
    subject bigint NOT NULL
    chat_id bigint NOT NULL
    message_id bigint NOT NULL
    said text NOT NULL
    at bigint NOT NULL
    CREATE UNIQUE INDEX card_pkey ON public.card USING btree (kind, subject, chat_id)
TABLE channel
    channel_id bigint NOT NULL
    listed text NOT NULL
    manner text NOT NULL
    rights text
    pinned_id bigint NOT NULL 0
    rates_id bigint NOT NULL 0
    rates_text text NOT NULL ''::text
    CREATE UNIQUE INDEX channel_pkey ON public.channel USING btree (channel_id)
TABLE channel_post
    channel_id bigint NOT NULL
    post_id bigint NOT NULL
    queued_at bigint NOT NULL
    broadcast_id bigint
    posted_at bigint
    CREATE INDEX channel_post_queued ON public.channel_post USING btree (queued_at)
    CREATE UNIQUE INDEX channel_post_pkey ON public.channel_post USING btree (channel_id, post_id)
TABLE copy
    post_id bigint NOT NULL
    reader_id bigint NOT NULL
    message_id bigint NOT NULL
    version integer NOT NULL
    shown_at bigint NOT NULL
    CREATE UNIQUE INDEX copy_pkey ON public.copy USING btree (post_id, reader_id, message_id)
TABLE departed
    id bigint NOT NULL identity
    counted bigint NOT NULL
    CREATE UNIQUE INDEX departed_pkey ON public.departed USING btree (id)
TABLE draft
    id bigint NOT NULL identity
    author_id bigint NOT NULL
    chat_id bigint NOT NULL
    card_id bigint NOT NULL 0
    state text NOT NULL
    language text NOT NULL
    content text NOT NULL
    broadcast_id bigint
    created_at bigint NOT NULL
    reported_at bigint
    thread_id bigint NOT NULL 0
    rev bigint NOT NULL 0
    touched_at bigint NOT NULL 0
    due_at bigint
    embargo_at bigint
    seal text NOT NULL ''::text
    review_until bigint
    sent_by bigint NOT NULL 0
    solo integer NOT NULL 0
    viewed_by bigint
    CREATE INDEX draft_author ON public.draft USING btree (author_id, state)
    CREATE INDEX draft_broadcast ON public.draft USING btree (broadcast_id)
    CREATE INDEX draft_card ON public.draft USING btree (id) WHERE ((state = 'sent'::text) AND (reported_at IS NULL))
    CREATE INDEX draft_open ON public.draft USING btree (state, touched_at) WHERE (state = ANY (ARRAY['compose'::text, 'draft'::text, 'review'::text, 'approved'::text]))
    CREATE UNIQUE INDEX draft_pkey ON public.draft USING btree (id)
TABLE editor
    user_id bigint NOT NULL
    role integer NOT NULL
    name text NOT NULL
    added_at bigint NOT NULL
    added_by bigint NOT NULL
    CREATE UNIQUE INDEX editor_pkey ON public.editor USING btree (user_id)
TABLE embargo
    key text NOT NULL
    draft_id bigint NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX embargo_pkey ON public.embargo USING btree (key, draft_id)
TABLE erratum
    id bigint NOT NULL identity
    draft_id bigint NOT NULL
    post_id bigint NOT NULL
    gravity text NOT NULL
    author_id bigint NOT NULL
    content text NOT NULL
    sent_at bigint NOT NULL
    CREATE INDEX erratum_draft ON public.erratum USING btree (draft_id)
    CREATE INDEX erratum_sent ON public.erratum USING btree (sent_at)
    CREATE UNIQUE INDEX erratum_pkey ON public.erratum USING btree (id)
TABLE feed
    id bigint NOT NULL identity
    url text NOT NULL
    title text NOT NULL ''::text
    etag text NOT NULL ''::text
    last_modified text NOT NULL ''::text
    body_hash text NOT NULL ''::text
    primed_at bigint
    next_at bigint NOT NULL 0
    checked_at bigint
    ok_at bigint
    new_at bigint
    gap double precision NOT NULL 0
    failures integer NOT NULL 0
    problem text NOT NULL ''::text
    moved_to text NOT NULL ''::text
    moved_times integer NOT NULL 0
    gone_at bigint
    added_at bigint
    paused_at bigint
    section text NOT NULL ''::text
    items integer NOT NULL 0
    rhythm text NOT NULL ''::text
    read_at bigint
    asked_at bigint
    CREATE INDEX feed_asked ON public.feed USING btree (id) WHERE (asked_at IS NOT NULL)
    CREATE UNIQUE INDEX feed_pkey ON public.feed USING btree (id)
    CREATE UNIQUE INDEX feed_url_key ON public.feed USING btree (url)
TABLE flood
    id bigint NOT NULL identity
    feed_id bigint NOT NULL
    n integer NOT NULL
    at bigint NOT NULL
    decision text NOT NULL ''::text
    decided_by bigint NOT NULL 0
    decided_at bigint
    CREATE INDEX flood_open ON public.flood USING btree (id) WHERE (decided_at IS NULL)
    CREATE UNIQUE INDEX flood_pkey ON public.flood USING btree (id)
TABLE hand
    channel_id bigint NOT NULL
    message_id bigint NOT NULL
    album text NOT NULL
    content text NOT NULL
    seen_at bigint NOT NULL
    waits integer NOT NULL
    post_id bigint
    draft_id bigint
    CREATE UNIQUE INDEX hand_pkey ON public.hand USING btree (channel_id, message_id)
TABLE held
    post_id bigint NOT NULL
    why text NOT NULL
    flood_id bigint NOT NULL 0
    at bigint NOT NULL
    until bigint
    decision text NOT NULL ''::text
    decided_by bigint NOT NULL 0
    decided_at bigint
    sections bigint NOT NULL 0
    loud_until bigint NOT NULL 0
    CREATE INDEX held_open ON public.held USING btree (post_id) WHERE (decided_at IS NULL)
    CREATE UNIQUE INDEX held_pkey ON public.held USING btree (post_id)
TABLE hold
    chat_id bigint NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX hold_pkey ON public.hold USING btree (chat_id)
TABLE inbox
    update_id bigint NOT NULL
    chat bigint NOT NULL
    body text NOT NULL
    received_at bigint NOT NULL
    handled_at bigint
    attempts integer NOT NULL 0
    worker text NOT NULL ''::text
    until bigint NOT NULL 0
    CREATE INDEX inbox_chat ON public.inbox USING btree (chat)
    CREATE INDEX inbox_waiting ON public.inbox USING btree (update_id) WHERE (handled_at IS NULL)
    CREATE UNIQUE INDEX inbox_pkey ON public.inbox USING btree (update_id)
TABLE invitation
    hash text NOT NULL
    role integer NOT NULL
    made_by bigint NOT NULL
    expires_at bigint NOT NULL
    used_by bigint
    CREATE UNIQUE INDEX invitation_pkey ON public.invitation USING btree (hash)
TABLE leader
    name text NOT NULL
    owner text NOT NULL
    epoch bigint NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX leader_pkey ON public.leader USING btree (name)
TABLE lease
    broadcast_id bigint NOT NULL
    block bigint NOT NULL
    worker text NOT NULL
    epoch bigint NOT NULL
    until bigint NOT NULL
    CREATE UNIQUE INDEX lease_pkey ON public.lease USING btree (broadcast_id, block)
TABLE media
    key text NOT NULL
    url text NOT NULL
    file_id text NOT NULL ''::text
    failed_at bigint
    reason text NOT NULL ''::text
    changed_at bigint NOT NULL
    claimed_until bigint NOT NULL 0
    CREATE UNIQUE INDEX media_pkey ON public.media USING btree (key)
TABLE meta
    key text NOT NULL
    value text NOT NULL
    CREATE UNIQUE INDEX meta_pkey ON public.meta USING btree (key)
TABLE mute
    reader_id bigint NOT NULL
    bit integer NOT NULL
    until bigint NOT NULL
    CREATE INDEX mute_until ON public.mute USING btree (until)
    CREATE UNIQUE INDEX mute_pkey ON public.mute USING btree (reader_id, "bit")
TABLE pace
    reader_id bigint NOT NULL
    day bigint NOT NULL
    n bigint NOT NULL
    CREATE UNIQUE INDEX pace_pkey ON public.pace USING btree (reader_id)
TABLE place
    chat_id bigint NOT NULL
    kind text NOT NULL
    title text NOT NULL
    username text NOT NULL
    is_forum integer NOT NULL
    by_topic integer NOT NULL
    added_at bigint NOT NULL
    CREATE UNIQUE INDEX place_pkey ON public.place USING btree (chat_id)
TABLE place_admin
    chat_id bigint NOT NULL
    user_id bigint NOT NULL
    CREATE INDEX place_admin_user ON public.place_admin USING btree (user_id)
    CREATE UNIQUE INDEX place_admin_pkey ON public.place_admin USING btree (chat_id, user_id)
TABLE post
    id bigint NOT NULL identity
    kind text NOT NULL
    article_id bigint
    version integer NOT NULL 1
    state text NOT NULL
    sections bigint NOT NULL
    served bigint NOT NULL 0
    language text NOT NULL
    everybody integer NOT NULL 0
    content text NOT NULL
    created_at bigint NOT NULL
    main integer NOT NULL 0
    read_version integer NOT NULL 0
    reply_to bigint NOT NULL 0
    story_id bigint NOT NULL 0
    CREATE INDEX post_held ON public.post USING btree (id) WHERE (state = 'held'::text)
    CREATE INDEX post_unread ON public.post USING btree (id) WHERE (read_version < version)
    CREATE INDEX post_unsorted ON public.post USING btree (id) WHERE (state = 'unsorted'::text)
    CREATE INDEX post_waiting ON public.post USING btree (id) WHERE (state = 'waiting'::text)
    CREATE UNIQUE INDEX post_article_id_key ON public.post USING btree (article_id)
    CREATE UNIQUE INDEX post_pkey ON public.post USING btree (id)
TABLE post_term
    post_id bigint NOT NULL
    term_id bigint NOT NULL
    CREATE INDEX post_term_term ON public.post_term USING btree (term_id)
    CREATE UNIQUE INDEX post_term_pkey ON public.post_term USING btree (post_id, term_id)
TABLE rate
    day text NOT NULL
    code text NOT NULL
    value text NOT NULL
    quant integer NOT NULL
    fetched_at bigint NOT NULL
    CREATE UNIQUE INDEX rate_pkey ON public.rate USING btree (day, code)
TABLE reader
    id bigint NOT NULL identity
    chat_id bigint NOT NULL
    thread_id bigint NOT NULL 0
    language text NOT NULL
    state text NOT NULL
    sections bigint NOT NULL 0
    breaking integer NOT NULL 1
    source text NOT NULL ''::text
    joined_at bigint NOT NULL
    consent_at bigint
    consent_text text NOT NULL ''::text
    changed_at bigint NOT NULL
    muted bigint NOT NULL 0
    paused_until bigint
    active_day bigint NOT NULL 0
    kind text NOT NULL 'person'::text
    night_breaking integer NOT NULL 0
    volume integer NOT NULL '-1'::integer
    quiet text NOT NULL 'silent'::text
    quiet_from integer NOT NULL 1380
    quiet_to integer NOT NULL 450
    digest_at text NOT NULL ',480,1140,'::text
    digest_days integer NOT NULL 127
    news_languages text NOT NULL ''::text
    main_only integer NOT NULL 0
    regions bigint NOT NULL 0
    rates integer NOT NULL 0
    zone text NOT NULL ''::text
    list_at bigint
    listed bigint NOT NULL 0
    ask integer NOT NULL 0
    counted bigint NOT NULL 0
    partner integer NOT NULL 1
    chosen text NOT NULL ''::text
    CREATE INDEX reader_list ON public.reader USING btree (list_at) WHERE ((list_at IS NOT NULL) AND (state = 'active'::text))
    CREATE INDEX reader_paused ON public.reader USING btree (paused_until) WHERE (paused_until IS NOT NULL)
    CREATE UNIQUE INDEX reader_chat_id_thread_id_key ON public.reader USING btree (chat_id, thread_id)
    CREATE UNIQUE INDEX reader_pkey ON public.reader USING btree (id)
TABLE reader_term
    reader_id bigint NOT NULL
    term_id bigint NOT NULL
    follows integer NOT NULL
    word text NOT NULL
    chosen_at bigint NOT NULL
    CREATE INDEX reader_term_term ON public.reader_term USING btree (term_id, follows, reader_id)
    CREATE UNIQUE INDEX reader_term_pkey ON public.reader_term USING btree (reader_id, term_id)
TABLE receipt
    broadcast_id bigint NOT NULL
    reader_id bigint NOT NULL
    outcome integer NOT NULL
    message_id bigint
    version integer NOT NULL
    carried text
    attempts integer NOT NULL
    due_at bigint
    took_ms bigint NOT NULL
    reason text
    CREATE INDEX receipt_carried ON public.receipt USING btree (reader_id) WHERE (carried IS NOT NULL)
    CREATE INDEX receipt_due ON public.receipt USING btree (due_at) WHERE (due_at IS NOT NULL)
    CREATE UNIQUE INDEX receipt_pkey ON public.receipt USING btree (broadcast_id, reader_id)
TABLE saved
    reader_id bigint NOT NULL
    post_id bigint NOT NULL
    saved_at bigint NOT NULL
    CREATE INDEX saved_post ON public.saved USING btree (post_id)
    CREATE UNIQUE INDEX saved_pkey ON public.saved USING btree (reader_id, post_id)
TABLE section
    id text NOT NULL
    bit integer NOT NULL
    CREATE UNIQUE INDEX section_bit_key ON public.section USING btree ("bit")
    CREATE UNIQUE INDEX section_pkey ON public.section USING btree (id)
TABLE stat
    day bigint NOT NULL
    section text NOT NULL
    what text NOT NULL
    n bigint NOT NULL
    CREATE UNIQUE INDEX stat_pkey ON public.stat USING btree (day, section, what)
TABLE tap
    reader_id bigint NOT NULL
    post_id bigint NOT NULL
    kind text NOT NULL
    at bigint NOT NULL
    CREATE INDEX tap_kind ON public.tap USING btree (kind, at)
    CREATE INDEX tap_post ON public.tap USING btree (post_id, kind)
    CREATE UNIQUE INDEX tap_pkey ON public.tap USING btree (reader_id, post_id, kind)
TABLE term
    id bigint NOT NULL identity
    key text NOT NULL
    head text NOT NULL
    CREATE INDEX term_head ON public.term USING btree (head)
    CREATE UNIQUE INDEX term_key_key ON public.term USING btree (key)
    CREATE UNIQUE INDEX term_pkey ON public.term USING btree (id)
TABLE vanished
    article_id bigint NOT NULL
    feed_id bigint NOT NULL
    since bigint NOT NULL
    proposed_at bigint
    decided_at bigint
    CREATE INDEX vanished_feed ON public.vanished USING btree (feed_id)
    CREATE UNIQUE INDEX vanished_pkey ON public.vanished USING btree (article_id)

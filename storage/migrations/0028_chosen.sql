-- What a reader chose, as one text, "" when all is as it was: a sender reads it instead of a dozen columns (bot/domain/recipient.py).

ALTER TABLE reader ADD COLUMN chosen TEXT NOT NULL DEFAULT '';
UPDATE reader SET chosen = kind || '|' || CAST(volume AS TEXT) || '|' || quiet || '|' || CAST(quiet_from AS TEXT) || '|'
    || CAST(quiet_to AS TEXT) || '|' || CAST(night_breaking AS TEXT) || '|' || zone || '|' || news_languages || '|'
    || CAST(main_only AS TEXT) || '|' || CAST(regions AS TEXT) || '|' || CAST(rates AS TEXT) || '|' || CAST(ask AS TEXT)
    WHERE NOT (kind = 'person' AND volume = -1 AND quiet = 'silent' AND quiet_from = 1380 AND quiet_to = 450
    AND night_breaking = 0 AND zone = '' AND news_languages = '' AND main_only = 0 AND regions = 0 AND rates = 0
    AND ask = 0);

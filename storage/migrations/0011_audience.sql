-- Audiences that ask for more than sections and languages: a JSON object of what differs from the usual.
ALTER TABLE broadcast ADD COLUMN audience TEXT NOT NULL DEFAULT '';

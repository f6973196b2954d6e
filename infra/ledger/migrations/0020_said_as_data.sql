-- What the core says is kept as data beside the English sentence: a code and its values, which are
-- put in words where they are read. Where an earlier version wrote, the data is null.

ALTER TABLE incident_entry ADD COLUMN text_data jsonb, ADD COLUMN reasons_data jsonb;
COMMENT ON COLUMN incident_entry.text_data IS
    'What text says: a code of schemas/codes/reasons.json, with its values.';
COMMENT ON COLUMN incident_entry.reasons_data IS 'What reasons say, likewise.';

ALTER TABLE evidence ADD COLUMN reasons_data jsonb;
COMMENT ON COLUMN evidence.reasons_data IS
    'What reasons say: codes of schemas/codes/reasons.json, with their values.';
GRANT UPDATE (reasons_data) ON evidence TO jingwei_worker;

ALTER TABLE stamp_refused ADD COLUMN reason_data jsonb;
COMMENT ON COLUMN stamp_refused.reason_data IS
    'What reason says: a code of schemas/codes/reasons.json, with its values.';

ALTER TABLE command ADD COLUMN reason_data jsonb, ADD COLUMN changes_data jsonb;
COMMENT ON COLUMN command.reason_data IS
    'What reason says: a code of schemas/codes/reasons.json, with its values.';
COMMENT ON COLUMN command.changes_data IS 'What changes say, likewise.';

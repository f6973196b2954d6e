-- Incidents by the beginning of their number, in any case, as people type it: without this a day's
-- incidents were read one by one.
CREATE INDEX incident_number ON incident (lower(number) text_pattern_ops);

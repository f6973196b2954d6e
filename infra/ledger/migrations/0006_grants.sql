-- Who may do what. Nobody but the owner may change or delete what only grows.

REVOKE ALL ON ALL TABLES IN SCHEMA planning FROM PUBLIC;
REVOKE ALL ON FUNCTION read_reporter(text, text, text), erase_reporter(text, text, text),
    make_track_partitions(date[]) FROM PUBLIC;

GRANT SELECT ON schema_migration
    TO jingwei_owner, jingwei_worker, jingwei_gateway, jingwei_planner;

-- The worker writes what intake and core decide.
GRANT SELECT, INSERT ON incident_entry, applied, recommendation, stamp_refused, incident_link,
    unit_track TO jingwei_worker;
GRANT SELECT, INSERT, UPDATE ON consumed, region, incident, unit, assignment, alert,
    street_condition, command, dead_letter, subscription, delivery TO jingwei_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, alarm, timer, fence TO jingwei_worker;
GRANT SELECT, INSERT, UPDATE (incident_id, placed, score, reasons) ON evidence TO jingwei_worker;
GRANT INSERT ON reporter, audit TO jingwei_worker;
GRANT SELECT ON open_incident, incident_timeline, active_assignment TO jingwei_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO jingwei_worker;
GRANT EXECUTE ON FUNCTION make_track_partitions(date[]) TO jingwei_worker;

-- The gateway reads, and writes commands, subscriptions and the audit.
GRANT SELECT ON consumed, outbox, region, applied, alarm, timer, incident, incident_entry,
    incident_link, unit, unit_track, assignment, recommendation, alert, street_condition,
    stamp_refused, evidence, fence, dead_letter, open_incident, incident_timeline,
    active_assignment TO jingwei_gateway;
GRANT SELECT, INSERT ON command, audit TO jingwei_gateway;
GRANT SELECT, INSERT, UPDATE ON subscription, delivery TO jingwei_gateway;
GRANT USAGE ON SEQUENCE audit_id_seq, subscription_id_seq, delivery_id_seq TO jingwei_gateway;
GRANT EXECUTE ON FUNCTION read_reporter(text, text, text), erase_reporter(text, text, text)
    TO jingwei_gateway;

-- The planner sees the views without personal data and nothing else.
GRANT USAGE ON SCHEMA planning TO jingwei_planner;
GRANT SELECT ON ALL TABLES IN SCHEMA planning TO jingwei_planner;

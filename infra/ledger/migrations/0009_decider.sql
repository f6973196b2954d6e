-- Which software decided what, and what became of messages that the broker refused.

CREATE TABLE decider (
    region text NOT NULL,
    from_offset bigint NOT NULL,
    software text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, from_offset)
);
CREATE TRIGGER decider_only_grows BEFORE UPDATE ON decider
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE decider IS
    'The software that applied a region''s journal from an offset on, until the next row''s.';
GRANT SELECT, INSERT ON decider TO jingwei_worker;
GRANT SELECT ON decider TO jingwei_gateway;
CREATE VIEW planning.decider AS SELECT region, from_offset, software, since FROM public.decider;
GRANT SELECT ON planning.decider TO jingwei_planner;

ALTER TABLE outbox_refused
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settled_by text,
    ADD COLUMN settlement text CHECK (settlement IN ('resent', 'discarded')),
    ADD COLUMN settled_why text,
    ADD CHECK ((settled_at IS NULL) = (settlement IS NULL)
        AND (settled_at IS NULL) = (settled_by IS NULL)
        AND (settled_at IS NULL) = (settled_why IS NULL));
COMMENT ON COLUMN outbox_refused.settlement IS
    'What an administrator did about it: resent puts it into its lane again, under a new id.';
GRANT UPDATE (settled_at, settled_by, settlement, settled_why) ON outbox_refused
    TO jingwei_worker;
GRANT SELECT (settled_at, settled_by, settlement, settled_why) ON outbox_refused
    TO jingwei_gateway;

-- The roles and the database of the ledger, made by the cluster's superuser through psql.
-- Run again it changes nothing but the passwords. Reads JINGWEI_SECRET (the roles' password) and
-- JINGWEI_DATABASE (the database's name) from its environment, so that no password is seen in
-- the list of processes. The tables are the migrations' (infra/ledger).

\set ON_ERROR_STOP on
\set secret `printf %s "$JINGWEI_SECRET"`
\set database `printf %s "$JINGWEI_DATABASE"`

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['jingwei_owner', 'jingwei_worker', 'jingwei_gateway', 'jingwei_planner']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE jingwei_owner LOGIN PASSWORD :'secret';
ALTER ROLE jingwei_worker LOGIN PASSWORD :'secret';
ALTER ROLE jingwei_gateway LOGIN PASSWORD :'secret';
ALTER ROLE jingwei_planner LOGIN PASSWORD :'secret';

SELECT format(
    'CREATE DATABASE %I OWNER jingwei_owner TEMPLATE template0 ENCODING ''UTF8''', :'database'
)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec

\connect :"database"
CREATE EXTENSION IF NOT EXISTS postgis;

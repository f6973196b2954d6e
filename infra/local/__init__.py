"""The local stack: a private PostgreSQL + PostGIS and a broker in a folder of their own."""

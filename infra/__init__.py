"""Settings, the ledger and the local stack: all that Jingwei stands on.

================  ==========================================================================
module            what it holds
================  ==========================================================================
``settings``      settings ``JINGWEI_*``, one class per concern
``environment``   `load`: one loader for every class of settings
``database_url``  URLs of databases, shown without their password
``ledger``        PostgreSQL with PostGIS: what Jingwei knows and did
``archive``       the archive's Parquet files
``local``         a broker and a database on this machine
``feed``          `Feed`: what is published, read by one consumer
``topic_ids``     `known_topics`: the ids that the broker gives topics
``cities``        `city_by_digest`: a city from this host, else from the ledger
``software``      `deciding_software`: a name for the software that decides
``vault``         one secret file: contacts are sealed and pseudonyms derived with it
``audit_chain``   the audit's chain, checked without a database
``retention``     how long what is kept
``memory``        returns freed memory to the system
================  ==========================================================================
"""

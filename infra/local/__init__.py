"""The local stack: a private PostgreSQL + PostGIS, a broker and a gateway in a folder of their own.

============  ==========================================================================
module        what it holds
============  ==========================================================================
``stack``     brings the stack up and down, and tells its state
``state``     the stack's home folder, and the file that says what runs there
``postgres``  a private PostgreSQL cluster with PostGIS
``kafka``     one node of Apache Kafka in KRaft mode
``embedded``  the embedded broker, from PyPI
``broker``    whether a broker answers
``gateway``   `start`: a gateway process beside them
``jars``      Java, and Kafka's jars from Maven
``doctor``    checks of everything that Jingwei needs
``process``   starts, recognises and stops processes
``ports``     free TCP ports on loopback
``errors``    `LocalStackError` and its tree
============  ==========================================================================
"""

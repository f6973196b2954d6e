"""A city's own data through Kafka, as any producer outside would send it.

==============  ==========================================================================
module          what it does
==============  ==========================================================================
``lines``       a file's text lines: gzip, encodings, byte-order marks, lines too long
``rows``        CSV, JSON Lines and GeoJSON as rows with line numbers, in constant memory
``fields``      what a reading, report or position needs, and which column it comes from
``times``       the time formats that are read
``places``      coordinates in WGS-84, GCJ-02, BD-09 or any EPSG code
``messages``    from a row to a typed message
``schedule``    when a message is sent, and with which time
``send``        messages to Kafka as CloudEvents
``run``         one file from end to end
``errors``      the room's errors
==============  ==========================================================================
"""

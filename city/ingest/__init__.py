"""Send a city's own data files to Kafka, like any outside producer.

==============  ==========================================================================
module          what it does
==============  ==========================================================================
``table``       `open_table`: a file of any format as rows
``rows``        `Row`, and the format that a file's name implies
``lines``       a file's text lines: gzip, byte order marks, overlong lines
``encodings``   the encoding that a file's bytes tell
``csv_rows``    rows of CSV
``json_rows``   rows of JSON Lines, JSON lists, GeoJSON and ArcGIS answers
``workbook``    rows of xlsx, xls and ods
``parquet``     rows of Parquet and GeoParquet
``fields``      fields of readings, reports and positions
``mapping``     which column is which field
``times``       what the times of a column mean
``numbers``     decimal points and commas
``places``      coordinates in WGS-84, GCJ-02, BD-09 or any EPSG code
``survey``      the first pass over a file: what all rows together tell
``messages``    from a row to a typed message
``responses``   disorder among the stamps of responses
``schedule``    when to send each message, and with which time
``send``        messages to Kafka as CloudEvents
``run``         one file from beginning to end
``errors``      the room's errors
==============  ==========================================================================
"""

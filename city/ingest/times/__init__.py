"""The times of open data: which form a column has, and what its values mean.

A text may mean several times: ``05/01/2020`` is 5 January or 1 May. No text is read alone. All
texts of a column are looked at first, and the meanings that fit all of them are kept. If more than
one is left, the user is asked; a column never has two readings.

============  ==========================================================================
module        what it does
============  ==========================================================================
``forms``     `meanings`: all that one text may mean
``digits``    the same for texts of digits only
``clock``     the time of day, with its offset from UTC
``stamp``     `Stamp`: a local time with what its text says of its offset
``column``    `Column`: what a whole column means; `TimeReader` reads it
``zones``     local times in UTC, also in the hours when clocks are changed
============  ==========================================================================
"""

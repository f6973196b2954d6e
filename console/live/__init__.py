"""The live stream: a snapshot, then every change, as Server-Sent Events.

One consumer per gateway (`infra.feed`) reads what is published; a model of what is open says who
begins or ceases to see what; clients with the same view get the same bytes.

==============  ==========================================================================
module          what it holds
==============  ==========================================================================
``stream``      ``/stream``: the endpoint
``hub``         `Hub`: the one reader, and its clients
``client``      `Client`: what waits for one client, bounded
``visibility``  `View`: what somebody sees, by role and filters
``model``       `Model`: what is open now; `Step`: one change
``snapshot``    what a stream begins with
``history``     the latest steps, for clients that come back
``place``       `Layout`: places in the stream as ids of events
``pulse``       whether all is up to date, and who may still look
``ages``        how late what is shown may be
==============  ==========================================================================
"""

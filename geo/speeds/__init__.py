"""Historic speeds: from vehicles' tracks to km/h by street and hour of the week.

==============  ========================================================================
module          what it holds
==============  ========================================================================
``matching``    `Matcher.match`: the arcs that a `Track` drove
``learning``    `SpeedLearner.add`, `SpeedLearner.learn`
``files``       `read_speeds`, `write_speeds`: a Parquet table
``lane_reach``  shortest paths from lane to lane, for the matcher
==============  ========================================================================
"""

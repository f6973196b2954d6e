"""A city as one value: streets, fences, places, sensors and fleet, named by its content.

==================  =======================================================================
module              what it holds
==================  =======================================================================
``city``            `CityData.of`, `Manifest`, `Place`, `Sensor`; `content_digest`
``folder``          `load_city`, `save_city`, `city_files`: a city's folder on disk
``call_types``      what the services' own codes mean: `CallType`, `read_call_types`
``demand``          where calls come from: `Demand`, `read_demand`, `coverage`
``tables``          CSV files of a folder
``changed_fences``  a city whose fences have changed since
``deciding``        `deciding_router`: the router used for decisions
``errors``          `CityError`: every fault of a city or its folder
==================  =======================================================================

Every loaded city has passed the checks of `CityData.of`.
"""

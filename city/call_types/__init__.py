"""Example tables of call types, to be copied into a city by ``jingwei city call-types``.

``pulsepoint.csv`` has the incident types of PulsePoint's public list, by code for the channel
``pulsepoint`` and by name for every channel. ``datasf.csv`` has the call types of San Francisco's
open data. ``mpds-like.csv`` and ``110-119-120.csv`` are made, to show the form: Jingwei ships no
cards of licensed protocols. What a code means is the service's to say: check each row.
"""

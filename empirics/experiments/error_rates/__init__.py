"""How often the intervals of the project cover and its tests raise false alarms, by simulation through the functions that it uses.

``rates.py`` is the table: what is measured, over which units, at which level; ``elsewhere.py`` has what needs no rate, and why.
A simulation is a function that makes a trial, in ``seeds.py``, ``sweeps.py``, ``replicas.py``, ``grid.py`` and ``examples.py`` by what
varies independently. Each trial is done twice with the same draws, once as the project does it and once with a wrong unit, which takes
for independent what is not. ``experiment.py`` makes the record
(`tsla records error_rates`), and ``docs/intervals.md`` has the table.
"""

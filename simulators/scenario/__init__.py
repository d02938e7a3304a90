"""Days of cabinets in one process on a clock that is only counted, replayable bit for bit from a seed.

The real controller, store and drivers talk through cables in memory to the simulated boards, and through a
broker in memory to a small cloud that folds their events. People, faults, kills and outages are drawn from
the seed; after and during the run the rules that must always hold are checked against the physics.

* ``virtual.py`` the clock, the order of things, randomness    * ``pipe.py`` serial cables
* ``network.py`` the broker and a network's faults            * ``cloud.py`` what the service does
* ``place.py`` a cabinet and its computer                     * ``people.py`` ``trouble.py`` what happens
* ``cold.py`` cold air, as it truly is
* ``truth.py`` what must hold                                 * ``story.py`` what is told of it
* ``file.py`` the scenario file                               * ``run.py`` a run from begin to end
"""

from simulators.scenario.file import Scenario, read_scenario
from simulators.scenario.run import Wanted, run
from simulators.scenario.story import Story, Violation

__all__ = ["Scenario", "Story", "Violation", "Wanted", "read_scenario", "run"]

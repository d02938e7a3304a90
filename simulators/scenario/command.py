"""``tuangui sim run``: a scenario's days as an account, or as data."""

import json
import sys
from pathlib import Path

from config.problems import one
from simulators.scenario.file import read_scenario
from simulators.scenario.run import Wanted, run
from simulators.scenario.story import Story, Violation

COLUMNS = {
    "events": "events", "pulses": "pulses", "loaded": "parcels loaded", "fetched": "parcels fetched",
    "came": "residents came", "served": "residents served", "strangers": "strangers",
    "broken": "things broken", "kills": "kills", "dark": "power cuts", "offline": "outages",
}  # fmt: skip
"""Of the table by cabinet: its words, and what is counted."""
SCENARIOS = Path(__file__).parent.parent / "scenarios"


def play(scenario: Path, seed: int, days: float, cabinets: int | None, *, as_json: bool) -> int:
    """Run, print the account, and return the exit code: 1 when something did not hold. ``BadFile``."""
    wanted = Wanted(read_scenario(found(scenario)), seed, days, cabinets)
    story = run(wanted, (lambda line: None) if as_json else say)
    if as_json:
        print(json.dumps(as_data(story, seed), ensure_ascii=False, indent=1))
    else:
        say_sums(story)
    if story.violation is not None:
        say_violation(story.violation, seed)
        return 1
    return 0


def found(scenario: Path) -> Path:
    """A file, or the name of one that comes with the simulators."""
    if scenario.exists():
        return scenario
    ours = SCENARIOS / scenario.name
    if scenario.parent == Path() and ours.exists():
        return ours
    names = ", ".join(sorted(path.name for path in SCENARIOS.glob("*.toml")))
    raise one(scenario, "-", f"there is no such file; the simulators bring {names}")


def say(line: str) -> None:
    print(line, flush=True)


def say_sums(story: Story) -> None:
    for day, counted in sorted(story.sums.items()):
        print(f"\nday {day}")
        print("\n".join(f"  {many:>6}  {what}" for what, many in sorted(counted.items())))
    print("\nin all")
    print("\n".join(f"  {many:>6}  {what}" for what, many in sorted(story.total().items())))
    if sum(1 for counted in story.by_cabinet.values() if counted["events"]) > 1:
        say_cabinets(story)
    print(f"\n{story.lines} lines of trace, sha256 {story.digest}")
    if story.violation is None:
        print("nothing was lost, doubled or given to the wrong person")


def say_cabinets(story: Story) -> None:
    """A table with a row for each."""
    print("\n" + " " * 11 + "".join(f"{word:>10}" for word in COLUMNS))
    for cabinet, counted in sorted(story.by_cabinet.items()):
        if counted["events"]:
            print(f"{cabinet:<11}" + "".join(f"{counted[what]:>10}" for what in COLUMNS.values()))


def as_data(story: Story, seed: int) -> dict[str, object]:
    """For programs; the same bytes for the same request."""
    broken = story.violation
    return {
        "seed": seed,
        "days": {str(day): dict(sorted(counted.items())) for day, counted in sorted(story.sums.items())},
        "total": dict(sorted(story.total().items())),
        "cabinets": {name: dict(sorted(each.items())) for name, each in sorted(story.by_cabinet.items())},
        "lines": story.lines,
        "sha256": story.digest,
        "violation": broken and {"cabinet": broken.cabinet, "at": broken.moment, "what": broken.what},
    }


def say_violation(violation: Violation, seed: int) -> None:
    print("\n".join(violation.trace), file=sys.stderr)
    about = f"seed {seed}, day {violation.moment}, {violation.cabinet}: {violation.what}"
    print(f"\nviolated: {about}", file=sys.stderr)

"""A scenario file: how many people come, how bad the network is, what breaks how often."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.problems import BadFile, Problem, one
from simulators.faults import Cause

Share = Annotated[float, Field(ge=0, le=1)]
PerDay = Annotated[float, Field(ge=0, le=5000)]
Range = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class People(_Part):
    """Couriers and residents of one cabinet."""

    orders_per_day: int = Field(default=8, ge=0, le=2000)
    most_parcels: int = Field(default=3, ge=1, le=6, description="parcels of one order at most")
    courier_hours: tuple[float, ...] = Field(default=(10.0, 15.0), description="couriers come at these hours")
    planned_hours_before: float = Field(default=1.0, ge=0, le=24)
    scan_ahead: Share = Field(default=0.3, description="a courier scans the next parcels, too, before a door")
    too_small: Share = Field(default=0.03, description="a parcel does not fit behind the door it was given")
    fetch_hours: Range = Field(default=(17.0, 22.0), description="residents come between these hours")
    by_code: Share = 0.5
    by_qr: Share = 0.3
    typo: Share = Field(default=0.1, description="first types a wrong code")
    lean: Share = Field(default=0.1, description="first only leans the door to")
    leave_behind: Share = Field(
        default=0.0, description="shuts the door on something of theirs, where a light beam can see it"
    )
    leave_open: Share = Field(default=0.03, description="walks away from an open door")
    wrong_cabinet: Share = Field(default=0.0, description="first stands in front of another cabinet")
    guesses_per_day: PerDay = 1.0
    inside_per_day: PerDay = 0.0
    thefts_per_day: PerDay = Field(default=0.0, description="doors broken open; nothing is taken")


class Net(_Part):
    """Between one cabinet and the cloud."""

    delay_s: Range = (0.02, 0.3)
    twice: Share = 0.02
    cuts_per_day: PerDay = 3.0
    outages_per_day: PerDay = 0.5
    outage_minutes: Range = (2.0, 120.0)
    stalls_per_day: PerDay = 0.5
    stall_minutes: Range = (0.5, 5.0)
    broker_restarts_per_day: PerDay = 0.5
    cloud_stops_per_day: PerDay = 0.3
    cloud_stop_minutes: Range = (1.0, 60.0)
    cloud_stopped_hours: Range | None = Field(
        default=None, description="stopped from this hour of the run to that one, counted from midnight"
    )


class Computer(_Part):
    """The computer in the cabinet."""

    kills_per_day: PerDay = 1.0
    power_cuts_per_day: PerDay = 0.2
    dark_minutes: Range = (0.2, 20.0)
    clock_lost: Share = Field(default=0.3, description="of the power cuts: it wakes up in 1970")
    clock_jumps_per_day: PerDay = 0.2
    jump_days: float = Field(default=10.0, ge=0, le=4000)
    clock_repaired_minutes: Range = (5.0, 120.0)


class ColdZone(_Part):
    """Some compartments of each cabinet in cold air; see the zones of a cabinet file."""

    name: str = Field(pattern="^[a-z]{1,16}$")
    class_: Literal["chilled", "frozen"] = Field(alias="class")
    limit_celsius: float = Field(ge=-40, le=30)
    compartments: int = Field(ge=1, le=24)


class Cold(_Part):
    """What happens to cold air. Numbers are per cabinet and day, hours and minutes say how long it lasts."""

    compressors_fail_per_day: PerDay = 0.0
    compressor_hours: Range = (1.0, 8.0)
    probes_fall_silent_per_day: PerDay = 0.0
    probes_lie_per_day: PerDay = Field(default=0.0, description="a probe tells one temperature all the time")
    lie_celsius: Range = (-25.0, 30.0)
    probe_minutes: Range = (1.0, 60.0)
    technician_minutes: Range = Field(default=(20.0, 90.0), description="a held zone is looked at after that")


class Scenario(_Part):
    """All of a scenario file. ``faults`` are causes of ``simulators.faults`` with their number per day."""

    cabinets: int = Field(default=1, ge=1, le=99, description="on one cloud, in one neighbourhood")
    compartments: int = Field(default=12, ge=1, le=24)
    beams: bool = Field(default=False, description="a light beam across each compartment")
    poll_s: float = Field(default=0.5, ge=0.02, le=5)
    tick_s: float = Field(default=0.25, ge=0.02, le=1)
    begins_hour: float = Field(default=6.0, ge=0, lt=24)
    people: People = People()
    network: Net = Net()
    computer: Computer = Computer()
    fault_minutes: Range = (0.5, 30.0)
    faults: dict[Cause, PerDay] = Field(default_factory=dict)
    zone: tuple[ColdZone, ...] = ()
    cold: Cold = Cold()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [zone.name for zone in self.zone]
        if len({*names, "ambient"}) <= len(names):
            raise ValueError("zone: two zones have one name, or one is called ambient")
        if sum(zone.compartments for zone in self.zone) > self.compartments:
            raise ValueError(f"zone: the zones have more than {self.compartments} compartments")
        if Cause.COMPRESSOR_DEAD in self.faults:
            raise ValueError("faults.compressor_dead: is cold.compressors_fail_per_day")
        return self


def read_scenario(path: Path) -> Scenario:
    """``BadFile`` names the file, the key and the reason."""
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise one(path, "-", f"cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise one(path, "-", f"is not TOML: {error}") from error
    except ValidationError as error:
        found = [Problem(str(path), ".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        raise BadFile(found) from error

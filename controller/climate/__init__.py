"""The air in the zones: probes read over and over, and what warm air means for the goods that lie in it."""

from controller.climate.coldchain import Air, Exposure, Limits
from controller.climate.probes import Climate
from controller.climate.zones import Zones

__all__ = ["Air", "Climate", "Exposure", "Limits", "Zones"]

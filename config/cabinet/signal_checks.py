"""Contacts, lamps and buzzers: whether they can be where a cabinet file says that they are wired."""

from collections.abc import Iterator, Mapping

from config.cabinet.parts import Board, Bus, Cabinet
from config.cabinet.signals import Indicator, Input

Finding = tuple[str, str]

OF_A_BUS = {
    "modbus": ("address", "number", "function", "profile"),
    "gpio": ("pin", "pull", "active_high"),
}
"""What a contact or a lamp may set, by the kind of its bus."""


def inputs_can_be_read(cabinet: Cabinet) -> Iterator[Finding]:
    """All problems with inputs that are right by themselves: key and reason."""
    kinds = {bus.name: bus.kind for bus in cabinet.bus}
    wired: dict[tuple[str, int], Input] = {}
    functions: dict[str, Input] = {}
    for at, each in enumerate(cabinet.input):
        key = f"input[{at}]"
        if misfits := list(_fits_its_bus(each, kinds.get(each.bus))):
            yield from ((f"{key}.{where}", why) for where, why in misfits)
        if misfits or each.number is None:
            continue
        yield from ((f"{key}.{where}", why) for where, why in _shares_its_card(cabinet, each, each.number))
        if (other := wired.setdefault((each.card, each.number), each)) is not each:
            yield f"{key}.number", f"input {each.number} of card {each.card} already belongs to {other.name}"
        if (other := functions.setdefault(each.card, each)).function != each.function:
            yield f"{key}.function", f"{other.name} reads card {each.card} by function {other.function}"


def _fits_its_bus(each: Input | Indicator, kind: str | None) -> Iterator[Finding]:
    if kind is None:
        yield "bus", f"there is no bus named {each.bus}"
    elif kind not in OF_A_BUS:
        yield "bus", f"{each.name} cannot sit on bus {each.bus}, which is {kind}"
    else:
        yield from ((key, f"is missing on a {kind} bus") for key in _lacks(each, kind))
        yield from ((key, f"there is no such setting on a {kind} bus") for key in _strange(each, kind))


def _lacks(each: Input | Indicator, kind: str) -> list[str]:
    wanted = ("address", "number") if kind == "modbus" else ("pin",)
    return [key for key in wanted if getattr(each, key) is None]


def _strange(each: Input | Indicator, kind: str) -> list[str]:
    fields = type(each).model_fields
    others = [key for other, keys in OF_A_BUS.items() for key in keys if other != kind and key in fields]
    return [key for key in others if getattr(each, key) != fields[key].default]


def _shares_its_card(cabinet: Cabinet, each: Input, number: int) -> Iterator[Finding]:
    """An input card may be the one that reads door switches and beams, where inputs of it are left."""
    yield from _no_sensor(cabinet, each)
    for board in cabinet.board:
        if board.bus != each.bus or each.address not in (board.address, board.inputs_address):
            continue
        if each.address != (board.inputs_address or board.address):
            yield "address", f"address {each.address} on bus {each.bus} belongs to {board.name}"
        else:
            yield from _is_left(cabinet, board, each, number)


def _is_left(cabinet: Cabinet, board: Board, each: Input, number: int) -> Iterator[Finding]:
    beams = {c.beam_input: c.label for c in cabinet.compartment if c.board == board.name and c.beam_input}
    if number <= board.channels:
        yield "number", f"input {number} of card {each.card} is a door switch of board {board.name}"
    elif number in beams:
        yield "number", f"input {number} of card {each.card} is the beam of {beams[number]}"
    elif number > board.last_input:
        yield "number", f"board {board.name} has {board.last_input} inputs, not {number}"
    if each.function != board.inputs_function:
        yield "function", f"board {board.name} reads this card by function {board.inputs_function}"


def _no_sensor(cabinet: Cabinet, each: Input | Indicator) -> Iterator[Finding]:
    probes = {(probe.bus, probe.address): probe.name for probe in cabinet.thermometer}
    sensors = probes | {(scale.bus, scale.address): scale.name for scale in cabinet.scale}
    if each.address is not None and (other := sensors.get((each.bus, each.address))):
        yield "address", f"address {each.address} on bus {each.bus} belongs to {other}"


def indicators_reach_no_lock(cabinet: Cabinet) -> Iterator[Finding]:
    """All problems with lamps and buzzers that are right by themselves: key and reason.

    Their outputs may stay on, which burns a solenoid: none may hang on a wire with a lock, and none of their
    frames may get there.
    """
    buses = {bus.name: bus for bus in cabinet.bus}
    kinds = {name: bus.kind for name, bus in buses.items()}
    wired: dict[tuple[str, int], Indicator] = {}
    sorts: dict[str, Indicator] = {}
    for at, each in enumerate(cabinet.indicator):
        key = f"indicator[{at}]"
        yield from ((f"{key}.label", why) for why in _belongs_to(cabinet, each))
        if misfits := list(_fits_its_bus(each, kinds.get(each.bus))):
            yield from ((f"{key}.{where}", why) for where, why in misfits)
        if misfits:
            continue
        yield from ((f"{key}.bus", why) for why in _locks_beside(cabinet, each, buses))
        if each.number is None:
            continue
        yield from ((f"{key}.{where}", why) for where, why in _no_sensor(cabinet, each))
        if each.number > each.sort.most_channels:
            yield (
                f"{key}.number",
                f"{each.sort.title} have at most {each.sort.most_channels}, not {each.number}",
            )
        if (other := wired.setdefault((each.card, each.number), each)) is not each:
            yield f"{key}.number", f"output {each.number} of card {each.card} already belongs to {other.name}"
        if (other := sorts.setdefault(each.card, each)).profile != each.profile:
            yield f"{key}.profile", f"{other.name} switches card {each.card} as {other.profile}"


def _belongs_to(cabinet: Cabinet, each: Indicator) -> Iterator[str]:
    if each.means != "lamp":
        if each.label is not None:
            yield f"a {each.means} belongs to no compartment"
    elif each.label is None:
        yield f"{each.name} is a lamp and must name its compartment"
    elif not any(c.label == each.label for c in cabinet.compartment):
        yield f"there is no compartment {each.label}"


def _locks_beside(cabinet: Cabinet, each: Indicator, buses: Mapping[str, Bus]) -> Iterator[str]:
    """Under the same name, on the same port under another one, or on the pins beside it."""
    mine = buses[each.bus]
    for board in cabinet.board:
        theirs = buses.get(board.bus)
        if theirs is None or not (theirs.port == mine.port or theirs.kind == mine.kind == "gpio"):
            continue
        where = f"bus {mine.name}" if theirs is mine else f"{theirs.port}, as bus {theirs.name},"
        yield (
            f"the output of {each.name} may stay on, and lock board {board.name} is on {where} too: "
            "give it a wire without locks"
        )


def pins_are_used_once(cabinet: Cabinet) -> Iterator[Finding]:
    """Pins of contacts and lamps that something else has, under whichever name of their bus."""
    ports = {bus.name: bus.port for bus in cabinet.bus if bus.kind == "gpio"}
    taken = {
        (ports.get(board.bus), pin): board.name
        for board in cabinet.board
        for pin in (*board.lock_pins, *board.switch_pins)
    }
    for part in ("input", "indicator"):
        for at, each in enumerate(getattr(cabinet, part)):
            if each.pin is None or each.bus not in ports:
                continue
            other = taken.setdefault((ports[each.bus], each.pin), each.name)
            if other != each.name:
                yield f"{part}[{at}].pin", f"pin {each.pin} of {ports[each.bus]} already belongs to {other}"

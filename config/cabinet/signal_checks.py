"""Contacts, lamps and buzzers: whether they can be where a cabinet file says that they are wired."""

from collections.abc import Iterator, Mapping

from config.cabinet.parts import Board, Bus, Cabinet, Indicator, Input

Finding = tuple[str, str]


def inputs_can_be_read(cabinet: Cabinet) -> Iterator[Finding]:
    """All problems with inputs that are right by themselves: key and reason."""
    kinds = {bus.name: bus.kind for bus in cabinet.bus}
    wired: dict[tuple[str, int], Input] = {}
    functions: dict[str, Input] = {}
    for at, each in enumerate(cabinet.input):
        key = f"input[{at}]"
        if kinds.get(each.bus) != "modbus":
            yield f"{key}.bus", _no_modbus("input cards", each.bus, kinds)
            continue
        yield from ((f"{key}.{where}", why) for where, why in _shares_its_card(cabinet, each))
        if (other := wired.setdefault((each.card, each.number), each)) is not each:
            yield f"{key}.number", f"input {each.number} of card {each.card} already belongs to {other.name}"
        if (other := functions.setdefault(each.card, each)).function != each.function:
            yield f"{key}.function", f"{other.name} reads card {each.card} by function {other.function}"


def _no_modbus(what: str, bus: str, kinds: Mapping[str, str]) -> str:
    if bus not in kinds:
        return f"there is no bus named {bus}"
    return f"{what} cannot sit on bus {bus}, which is {kinds[bus]}"


def _shares_its_card(cabinet: Cabinet, each: Input) -> Iterator[Finding]:
    """An input card may be the one that reads door switches and beams, where inputs of it are left."""
    yield from _no_thermometer(cabinet, each)
    for board in cabinet.board:
        if board.bus != each.bus or each.address not in (board.address, board.inputs_address):
            continue
        if each.address != (board.inputs_address or board.address):
            yield "address", f"address {each.address} on bus {each.bus} belongs to {board.name}"
        else:
            yield from _is_left(cabinet, board, each)


def _is_left(cabinet: Cabinet, board: Board, each: Input) -> Iterator[Finding]:
    beams = {c.beam_input: c.label for c in cabinet.compartment if c.board == board.name and c.beam_input}
    if each.number <= board.channels:
        yield "number", f"input {each.number} of card {each.card} is a door switch of board {board.name}"
    elif each.number in beams:
        yield "number", f"input {each.number} of card {each.card} is the beam of {beams[each.number]}"
    elif each.number > board.last_input:
        yield "number", f"board {board.name} has {board.last_input} inputs, not {each.number}"
    if each.function != board.inputs_function:
        yield "function", f"board {board.name} reads this card by function {board.inputs_function}"


def _no_thermometer(cabinet: Cabinet, each: Input | Indicator) -> Iterator[Finding]:
    for probe in cabinet.thermometer:
        if (probe.bus, probe.address) == (each.bus, each.address):
            yield "address", f"address {each.address} on bus {each.bus} belongs to {probe.name}"


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
        if kinds.get(each.bus) != "modbus":
            yield f"{key}.bus", _no_modbus("relay cards for lamps", each.bus, kinds)
            continue
        yield from ((f"{key}.bus", why) for why in _locks_beside(cabinet, each, buses))
        yield from ((f"{key}.{where}", why) for where, why in _no_thermometer(cabinet, each))
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
    """Under the same name, or on the same port under another one."""
    mine = buses[each.bus]
    for board in cabinet.board:
        theirs = buses.get(board.bus)
        if theirs is not None and theirs.port == mine.port:
            where = f"bus {mine.name}" if theirs is mine else f"port {mine.port}, as bus {theirs.name}"
            yield (
                f"the output of {each.name} may stay on, and lock board {board.name} is on {where} too: "
                "give it a wire without locks"
            )

"""Whether the contacts of a cabinet can be read where its file says that they are wired."""

from collections.abc import Iterator, Mapping

from config.cabinet.parts import Board, Cabinet, Input

Finding = tuple[str, str]


def inputs_can_be_read(cabinet: Cabinet) -> Iterator[Finding]:
    """All problems with inputs that are right by themselves: key and reason."""
    kinds = {bus.name: bus.kind for bus in cabinet.bus}
    wired: dict[tuple[str, int], Input] = {}
    functions: dict[str, Input] = {}
    for at, each in enumerate(cabinet.input):
        key = f"input[{at}]"
        if kinds.get(each.bus) != "modbus":
            yield f"{key}.bus", _no_modbus(each.bus, kinds)
            continue
        yield from ((f"{key}.{where}", why) for where, why in _shares_its_card(cabinet, each))
        if (other := wired.setdefault((each.card, each.number), each)) is not each:
            yield f"{key}.number", f"input {each.number} of card {each.card} already belongs to {other.name}"
        if (other := functions.setdefault(each.card, each)).function != each.function:
            yield f"{key}.function", f"{other.name} reads card {each.card} by function {other.function}"


def _no_modbus(bus: str, kinds: Mapping[str, str]) -> str:
    if bus not in kinds:
        return f"there is no bus named {bus}"
    return f"input cards cannot sit on bus {bus}, which is {kinds[bus]}"


def _shares_its_card(cabinet: Cabinet, each: Input) -> Iterator[Finding]:
    """An input card may be the one that reads door switches and beams, where inputs of it are left."""
    for probe in cabinet.thermometer:
        if (probe.bus, probe.address) == (each.bus, each.address):
            yield "address", f"address {each.address} on bus {each.bus} belongs to {probe.name}"
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

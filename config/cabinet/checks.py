"""What only shows when the parts of a cabinet are held against each other: two doors on one output, say."""

from collections.abc import Iterator

from config.cabinet.families import LOCKS
from config.cabinet.parts import Board, Bus, Cabinet, Scale, Thermometer
from config.cabinet.registers import map_findings, shipped
from config.cabinet.relays import OF_OUTPUTS, RELAY_CARDS, UNTIMED_CARDS
from config.cabinet.signal_checks import indicators_reach_no_lock, inputs_can_be_read, pins_are_used_once

Finding = tuple[str, str]

OF_SOME_FAMILIES = frozenset[str]().union(*(family.settings for family in LOCKS.values()))


def findings(cabinet: Cabinet) -> Iterator[Finding]:
    """All problems of a cabinet whose parts are right by themselves: key and reason."""
    yield from _names_are_unique(cabinet)
    yield from _boards_are_reachable(cabinet)
    yield from _register_maps_make_sense(cabinet)
    yield from _sensors_have_their_maps(cabinet)
    yield from _readers_fit_their_families(cabinet)
    yield from _doors_have_outputs_of_their_own(cabinet)
    yield from _beams_have_inputs_of_their_own(cabinet)
    yield from inputs_can_be_read(cabinet)
    yield from indicators_reach_no_lock(cabinet)
    yield from pins_are_used_once(cabinet)
    yield from _zones_are_known(cabinet)
    yield from _cold_zones_are_watched(cabinet)
    yield from _people_can_get_out(cabinet)
    yield from _officers_are_two(cabinet)


def _names_are_unique(cabinet: Cabinet) -> Iterator[Finding]:
    parts = ("bus", "board", "reader", "zone", "thermometer", "scale", "register_map", "input", "indicator")
    for part in parts:
        yield from _repeats(part, "name", [item.name for item in getattr(cabinet, part)])
    yield from _repeats("compartment", "label", [c.label for c in cabinet.compartment])


def _repeats(part: str, key: str, values: list[str]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for at, value in enumerate(values):
        if value in seen:
            yield f"{part}[{at}].{key}", f"{value} is already used by {part}[{seen[value]}]"
        seen.setdefault(value, at)


def _boards_are_reachable(cabinet: Cabinet) -> Iterator[Finding]:
    buses = {bus.name: bus for bus in cabinet.bus}
    for at, each in enumerate(cabinet.bus):
        if each.frames_modbus_tcp and each.kind != "modbus":
            yield f"bus[{at}].port", f"{each.port} is Modbus TCP, and bus {each.name} is {each.kind}"
    taken: dict[tuple[str, int], str] = {}
    for at, board in enumerate(cabinet.board):
        bus = buses.get(board.bus)
        if bus is None:
            yield f"board[{at}].bus", f"there is no bus named {board.bus}"
            continue
        yield from ((f"board[{at}].{key}", reason) for key, reason in _fits_its_family(board, bus))
        for address in {board.address, board.inputs_address or board.address}:
            other = taken.setdefault((board.bus, address), board.name)
            if other != board.name:
                yield f"board[{at}].address", f"address {address} on bus {board.bus} belongs to {other}"
    yield from _sensors_are_reachable(cabinet, buses, taken)
    yield from _pins_are_their_own(cabinet)
    yield from _guards_have_a_bus_of_their_own(cabinet)


def _guards_have_a_bus_of_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    """A guard owns the whole wire: nothing that the controller itself asks can hang on it."""
    guarded = {board.bus for board in cabinet.board if board.is_guarded}
    for at, bus in enumerate(cabinet.bus):
        if bus.name in guarded and "://" in bus.port:
            yield (
                f"bus[{at}].port",
                f"{bus.port} is over a network: a guard that is cut off turns nothing off",
            )
    for part in ("board", "thermometer", "scale", "input"):
        for at, each in enumerate(getattr(cabinet, part)):
            if each.bus in guarded and not getattr(each, "is_guarded", False):
                owner = f"bus {each.bus} belongs to the guard of boards that cannot time a pulse"
                yield f"{part}[{at}].bus", f"{owner}: give {each.name} another one"


def _pins_are_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    taken: dict[tuple[str, int], str] = {}
    for at, board in enumerate(cabinet.board):
        if "lock_pins" not in board.family.settings:
            continue
        for key, pins in (("lock_pins", board.lock_pins), ("switch_pins", board.switch_pins)):
            if len(pins) != board.channels:
                yield f"board[{at}].{key}", f"{board.channels} channels need as many pins, not {len(pins)}"
            for pin in pins:
                mine = f"{key} of {board.name}"
                if (other := taken.setdefault((board.bus, pin), mine)) != mine or pins.count(pin) > 1:
                    yield f"board[{at}].{key}", f"pin {pin} of bus {board.bus} is used twice, by {other} too"
    for at, bus in enumerate(cabinet.bus):
        if bus.kind == "gpio" and bus.port.partition(":")[0] not in ("gpiozero", "gpiod"):
            yield (
                f"bus[{at}].port",
                f"{bus.port} names no way to the pins: gpiozero:lgpio, gpiod:/dev/gpiochip0",
            )


def _fits_its_family(board: Board, bus: Bus) -> Iterator[Finding]:
    family = board.family
    if bus.kind != family.bus:
        yield "bus", f"{board.kind} cannot sit on bus {bus.name}, which is {bus.kind}"
    if not family.has_address(board.address):
        yield "address", f"{family.title} answer to {family.address_span}, not {board.address}"
    if board.channels > family.most_channels:
        yield "channels", f"{family.title} have at most {family.most_channels}, not {board.channels}"
    if family.fixed_pulse_ms and board.pulse_ms != family.fixed_pulse_ms:
        yield "pulse_ms", f"{family.title} pulse for {family.fixed_pulse_ms} ms, not {board.pulse_ms}"
    if board.pulse_ms % family.pulse_step_ms:
        yield "pulse_ms", f"{family.title} count in {family.pulse_step_ms} ms, {board.pulse_ms} cannot be set"
    if board.profile and board.profile not in family.profiles:
        yield "profile", f"{family.title} know {', '.join(family.profiles) or 'no profiles'}"
    if board.is_guarded and not board.cut_off:
        what = f"{board.dialect} cards" if board.dialect in UNTIMED_CARDS else family.title
        yield (
            "cut_off",
            f"{what} cannot time a pulse: a guard process does, and when that dies hardware has to "
            "end it within a second (a monostable, say); build it in and name it here",
        )
    if board.dialect == "cu12" and board.channels > 12:
        yield "channels", f"a CU12 has at most 12, not {board.channels}: number 13 would open them all"
    yield from _options_are_known(board)
    for key in sorted(board.model_fields_set & OF_SOME_FAMILIES - family.settings):
        if getattr(board, key) != Board.model_fields[key].default:
            yield key, f"{family.title} have no such setting"
    if "inputs" in family.settings and board.last_input < board.channels:
        yield "inputs", f"the {board.channels} door switches need more than {board.inputs}"
    if board.kind == "lock_modbus":
        yield from _relays_can_do_it(board)


def _relays_can_do_it(board: Board) -> Iterator[Finding]:
    untimed, card = UNTIMED_CARDS.get(board.dialect), RELAY_CARDS.get(board.dialect)
    if card is not None and board.pulse_ms not in card.pulses:
        yield "pulse_ms", f"{card.title} make pulses of {card.lengths}, not {board.pulse_ms}"
    sort = card or untimed
    if sort is not None and board.channels > sort.most_channels:
        yield "channels", f"{sort.title} have at most {sort.most_channels}, not {board.channels}"


def _options_are_known(board: Board) -> Iterator[Finding]:
    for name, value in board.options.items():
        wanted = board.family.options.get(name)
        if wanted is None:
            yield f"options.{name}", f"{board.family.title} have no such option"
        elif type(value) is not wanted:
            yield f"options.{name}", f"takes {wanted.__name__}, not {value!r}"


def _sensors(cabinet: Cabinet) -> Iterator[tuple[str, Thermometer | Scale]]:
    """Every part that measures, with its key."""
    yield from ((f"thermometer[{at}]", probe) for at, probe in enumerate(cabinet.thermometer))
    yield from ((f"scale[{at}]", scale) for at, scale in enumerate(cabinet.scale))


def _sensors_are_reachable(
    cabinet: Cabinet, buses: dict[str, Bus], taken: dict[tuple[str, int], str]
) -> Iterator[Finding]:
    for key, sensor in _sensors(cabinet):
        bus = buses.get(sensor.bus)
        if bus is None:
            yield f"{key}.bus", f"there is no bus named {sensor.bus}"
        elif bus.kind != "modbus":
            yield f"{key}.bus", f"{sensor.kind} cannot sit on bus {bus.name}, which is {bus.kind}"
        mine = f"{key.partition('[')[0]} {sensor.name}"
        other = taken.setdefault((sensor.bus, sensor.address), mine)
        if other != mine:
            yield f"{key}.address", f"address {sensor.address} on bus {sensor.bus} belongs to {other}"


def _register_maps_make_sense(cabinet: Cabinet) -> Iterator[Finding]:
    for at, each in enumerate(cabinet.register_map):
        yield from ((f"register_map[{at}].{key}", reason) for key, reason in map_findings(each))
        if each.name in shipped():
            yield f"register_map[{at}].name", f"{each.name} is an example of ours: take another name"


def _sensors_have_their_maps(cabinet: Cabinet) -> Iterator[Finding]:
    maps = cabinet.register_maps
    for key, sensor in _sensors(cabinet):
        if sensor.kind == "climate_xymd02":
            if sensor.map is not None:
                yield f"{key}.map", "an XY-MD02 has registers of its own; climate_registers takes a map"
            continue
        if sensor.map not in maps:
            known = ", ".join(sorted(maps))
            missing = "is missing" if sensor.map is None else f"there is no register map {sensor.map}"
            yield f"{key}.map", f"{missing}; there are {known}"
            continue
        wanted = "weight" if isinstance(sensor, Scale) else "temperature"
        if maps[sensor.map].measures != wanted:
            yield f"{key}.map", f"{sensor.map} has no {wanted}"
        yield from _writes_move_no_lock(cabinet, key, sensor, sensor.map)


def _writes_move_no_lock(
    cabinet: Cabinet, key: str, sensor: Thermometer | Scale, name: str
) -> Iterator[Finding]:
    """One address mixed up, and what tares a scale would energise the coil of a relay card."""
    ports = {bus.name: bus.port for bus in cabinet.bus}
    if ports.get(sensor.bus) not in [ports.get(board.bus) for board in cabinet.board]:
        return
    for what, registers in cabinet.register_maps[name].written.items():
        if any(register in of for register in registers for of in OF_OUTPUTS):
            yield (
                f"{key}.bus",
                f"{what} of {name} writes register 0x{registers.start:04x}, where some relay cards have "
                f"their outputs: give {sensor.name} a bus without lock boards",
            )


def _readers_fit_their_families(cabinet: Cabinet) -> Iterator[Finding]:
    for at, reader in enumerate(cabinet.reader):
        family = reader.family
        if reader.profile and reader.profile not in family.profiles:
            known = ", ".join(family.profiles) or "no profiles"
            yield f"reader[{at}].profile", f"{family.title} know {known}"
        if "baud" in reader.model_fields_set and not family.is_serial:
            yield f"reader[{at}].baud", f"{family.title} have no baud rate"
        if reader.triggered and not family.can_be_triggered:
            yield f"reader[{at}].triggered", f"{family.title} cannot be told when to read"


def _doors_have_outputs_of_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    boards = {board.name: board for board in cabinet.board}
    outputs: dict[tuple[str, int], str] = {}
    switches: dict[tuple[str, int], str] = {}
    for at, c in enumerate(cabinet.compartment):
        board = boards.get(c.board)
        if board is None:
            yield f"compartment[{at}].board", f"there is no board named {c.board}"
            continue
        for key, channel, wired in (("channel", c.channel, outputs), ("switch_channel", c.switch, switches)):
            if channel > board.channels:
                yield (
                    f"compartment[{at}].{key}",
                    f"board {board.name} has {board.channels} channels, not {channel}",
                )
            other = wired.setdefault((c.board, channel), c.label)
            if other != c.label:
                yield (
                    f"compartment[{at}].{key}",
                    f"{key} {channel} of board {c.board} already belongs to {other}",
                )


def _beams_have_inputs_of_their_own(cabinet: Cabinet) -> Iterator[Finding]:
    boards = {board.name: board for board in cabinet.board}
    wired = {(c.board, c.switch): f"the door switch of {c.label}" for c in cabinet.compartment}
    for at, c in enumerate(cabinet.compartment):
        board = boards.get(c.board)
        if c.beam_input is None or board is None:
            continue
        key = f"compartment[{at}].beam_input"
        if not board.family.reads_beams or board.is_guarded:
            yield key, f"board {board.name} is {board.kind}: it reads door switches and nothing else"
        elif c.beam_input > board.last_input:
            yield key, f"board {board.name} has {board.last_input} inputs, not {c.beam_input}"
        other = wired.setdefault((c.board, c.beam_input), f"the beam of {c.label}")
        if other != f"the beam of {c.label}":
            yield key, f"input {c.beam_input} of board {c.board} already belongs to {other}"


def _zones_are_known(cabinet: Cabinet) -> Iterator[Finding]:
    zones = {zone.name for zone in cabinet.zone}
    for at, c in enumerate(cabinet.compartment):
        if c.zone not in zones:
            yield f"compartment[{at}].zone", f"there is no zone named {c.zone}"


def _cold_zones_are_watched(cabinet: Cabinet) -> Iterator[Finding]:
    probes = {probe.name for probe in cabinet.thermometer}
    for at, zone in enumerate(cabinet.zone):
        if zone.thermometer is not None and zone.thermometer not in probes:
            yield f"zone[{at}].thermometer", f"there is no thermometer named {zone.thermometer}"
        if zone.class_ != "ambient" and zone.thermometer is None:
            yield f"zone[{at}].thermometer", f"zone {zone.name} is {zone.class_} and must name a thermometer"
        elif zone.limit is not None and zone.thermometer is None:
            yield f"zone[{at}].thermometer", f"zone {zone.name} has a limit and must name a thermometer"
        if zone.class_ == "frozen" and zone.limit_celsius is None:
            yield f"zone[{at}].limit_celsius", f"zone {zone.name} is frozen and must set its limit"
        if zone.defrost_minutes and zone.limit is None:
            yield f"zone[{at}].defrost_minutes", f"zone {zone.name} has no limit, so defrosting is no matter"


def _people_can_get_out(cabinet: Cabinet) -> Iterator[Finding]:
    if cabinet.cabinet.inside_button and not any(each.means == "inside" for each in cabinet.input):
        yield "cabinet.inside_button", 'nothing reads it: no input means "inside"'
    if cabinet.cabinet.screen or cabinet.cabinet.inside_button:
        return
    for at, c in enumerate(cabinet.compartment):
        if c.person_sized:
            yield (
                f"compartment[{at}].person_sized",
                "a child could climb in, and the cabinet has neither a screen nor an 'inside' button",
            )


def _officers_are_two(cabinet: Cabinet) -> Iterator[Finding]:
    yield from _repeats("officer", "name", [officer.name for officer in cabinet.officer])
    yield from _repeats("officer", "key", [officer.key for officer in cabinet.officer])
    if len(cabinet.officer) == 1:
        yield "officer", "an order to open every door needs two officers: name a second one, or none"

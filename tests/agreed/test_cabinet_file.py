"""A cabinet file is right, or every problem in it is told with file, key and reason."""

import base64
import tomllib
from pathlib import Path

import pytest

from config.cabinet import Zone, load, parse
from config.neighbourhood import load_neighbourhood
from config.problems import BadFile

SAMPLES = sorted(Path("config/cabinets").glob("locker-*.toml"))


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_every_sample_loads(file):
    assert load(file).compartment


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_a_file_written_out_in_full_is_the_same_file(file):
    written = load(file).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert parse(written) == load(file)


def test_the_samples_have_the_doors_they_promise():
    of = {file.stem: load(file) for file in SAMPLES}
    assert len(of["locker-8a80"].compartment) == 24
    assert {c.size for c in of["locker-8a80"].compartment} == {"S", "M", "L"}
    assert len(of["locker-modbus"].compartment) == 16
    assert len(of["locker-modbus"].zone) == 2


def test_the_neighbourhood_lists_every_sample():
    listed = {file.name for file, _ in load_neighbourhood("config/cabinets/neighbourhood.toml").cabinets}
    assert listed == {file.name for file in SAMPLES}


def sample():
    return tomllib.loads(Path("config/cabinets/locker-8a80.toml").read_text(encoding="utf-8"))


def problems(raw):
    with pytest.raises(BadFile) as caught:
        parse(raw, "cabinet.toml")
    return [(p.key, p.reason) for p in caught.value.problems]


def told(raw, key, words):
    found = problems(raw)
    assert any(k == key and words in reason for k, reason in found), found


def test_two_doors_on_one_output():
    raw = sample()
    raw["compartment"][1]["channel"] = 1
    told(raw, "compartment[1].channel", "already belongs to 01")


def test_an_unknown_bus():
    raw = sample()
    raw["board"][0]["bus"] = "other"
    told(raw, "board[0].bus", "no bus named other")


def test_a_duplicate_label():
    raw = sample()
    raw["compartment"][5]["label"] = "01"
    told(raw, "compartment[5].label", "already used by compartment[0]")


def test_a_missing_zone():
    raw = sample()
    raw["compartment"][0]["zone"] = "attic"
    told(raw, "compartment[0].zone", "no zone named attic")


def test_a_chilled_zone_without_a_thermometer():
    raw = sample()
    raw["zone"][0]["class"] = "chilled"
    told(raw, "zone[0].thermometer", "must name a thermometer")


def test_a_frozen_zone_without_a_limit():
    raw = sample()
    raw["zone"][0] |= {"class": "frozen"}
    told(raw, "zone[0].limit_celsius", "must set its limit")


def test_a_limit_that_nothing_measures():
    raw = sample()
    raw["zone"][0]["limit_celsius"] = 12
    told(raw, "zone[0].thermometer", "has a limit and must name a thermometer")


def test_a_defrost_where_no_limit_asks_for_it():
    raw = sample()
    raw["zone"][0]["defrost_minutes"] = 20
    told(raw, "zone[0].defrost_minutes", "has no limit")


@pytest.mark.parametrize(
    ("zone", "limit"),
    [
        ({"class": "ambient"}, None),
        ({"class": "chilled"}, 5.0),
        ({"class": "chilled", "limit_celsius": 8}, 8.0),
        ({"class": "frozen", "limit_celsius": -15}, -15.0),
    ],
)
def test_a_zone_names_its_limit_and_only_chilled_has_one_by_default(zone, limit):
    assert Zone.model_validate({"name": "here", **zone}).limit == limit


def test_an_unknown_key_and_an_impossible_value_are_told_together():
    raw = sample()
    raw["board"][0] |= {"pulse_ms": 5000, "colour": "red"}
    keys = [key for key, _ in problems(raw)]
    assert keys == ["board[0].pulse_ms", "board[0].colour"]


def test_a_channel_that_the_board_does_not_have():
    raw = sample()
    raw["compartment"][0]["channel"] = 25
    told(raw, "compartment[0].channel", "has 24 channels")


def test_a_child_could_climb_in_and_there_is_no_way_to_call():
    raw = sample()
    raw["cabinet"]["screen"] = False
    raw["compartment"][0]["person_sized"] = True
    told(raw, "compartment[0].person_sized", "neither a screen nor")


@pytest.mark.parametrize("bad", ["Garden", "a.b", "x", "a" * 33, "garden/east", ""])
def test_a_cabinet_id_that_would_change_meaning_in_a_topic(bad):
    raw = sample()
    raw["cabinet"]["id"] = bad
    told(raw, "cabinet.id", "cabinet id")


def test_files_that_are_no_cabinet_files(tmp_path):
    with pytest.raises(BadFile, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(BadFile, match="is not TOML"):
        load(tmp_path / "bad.toml")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    with pytest.raises(BadFile, match="cabinet: is missing"):
        load(tmp_path / "empty.toml")


def with_beams():
    raw = tomllib.loads(Path("config/cabinets/locker-modbus.toml").read_text(encoding="utf-8"))
    raw["board"][0]["inputs"] = 16
    raw["compartment"][0]["beam_input"] = 9
    return raw


def test_a_compartment_names_the_input_of_its_light_beam():
    file = parse(with_beams())
    assert [c.evidence for c in file.compartment].count("beam") >= 1
    assert file.compartment[0].evidence == file.map()["compartments"][0]["evidence"] == "beam"
    assert file.compartment[-1].evidence == "none"


def test_hanging_a_beam_into_a_compartment_is_no_change_of_its_door():
    raw, bare = with_beams(), with_beams()
    del bare["board"][0]["inputs"]
    for compartment in bare["compartment"]:
        compartment.pop("beam_input", None)
    assert parse(raw).wiring() == parse(bare).wiring()
    assert parse(raw).map_version() != parse(bare).map_version()


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"beam_input": 17}, "compartment[0].beam_input", "has 16 inputs, not 17"),
        ({"beam_input": 2}, "compartment[0].beam_input", "already belongs to the door switch of H2"),
        ({"beam_input": 0}, "compartment[0].beam_input", "greater than or equal to 1"),
        ({"board": "attic"}, "compartment[0].board", "no board named attic"),
        ({"evidence": "weight"}, "compartment[0].evidence", "unknown key"),
    ],
)
def test_a_beam_that_cannot_be_read(change, key, words):
    raw = with_beams()
    raw["compartment"][0] |= change
    told(raw, key, words)


def test_two_beams_on_one_input_and_a_card_with_fewer_inputs_than_doors():
    raw = with_beams()
    raw["compartment"][1]["beam_input"] = 9
    told(raw, "compartment[1].beam_input", "already belongs to the beam of H1")
    raw["board"][0]["inputs"] = 7
    told(raw, "board[0].inputs", "the 8 door switches need more than 7")


def test_a_beam_on_a_board_that_reads_nothing_but_switches():
    raw = sample()
    raw["compartment"][0]["beam_input"] = 24
    told(raw, "compartment[0].beam_input", "it reads door switches and nothing else")
    raw["board"][0]["inputs"] = 32
    told(raw, "board[0].inputs", "8A/80 boards have no such setting")


def officer(name, key=b"k" * 32):
    return {"name": name, "key": base64.b64encode(key).decode()}


def test_officers_are_two_or_none():
    assert parse(sample()).officer == ()
    two = parse(sample() | {"officer": [officer("lin"), officer("wang", b"w" * 32)]})
    assert [each.public[:1] for each in two.officer] == [b"k", b"w"]
    told(sample() | {"officer": [officer("lin")]}, "officer", "needs two officers")


def test_two_officers_have_two_names_and_two_keys():
    same = officer("wang") | {"key": officer("wang")["key"].replace("s=", "t=")}
    assert base64.b64decode(same["key"]) == b"k" * 32
    told(sample() | {"officer": [officer("lin"), same]}, "officer[1].key", "already used by officer[0]")
    told(
        sample() | {"officer": [officer("lin"), officer("lin", b"w" * 32)]}, "officer[1].name", "already used"
    )


@pytest.mark.parametrize(("key", "reason"), [("QUJD", "32 bytes, not 3"), ("?", "is not base64")])
def test_an_officers_key_is_an_ed25519_key(key, reason):
    told(sample() | {"officer": [{"name": "lin", "key": key}, officer("wang")]}, "officer[0].key", reason)


def test_a_new_officer_does_not_change_how_the_doors_are_wired():
    both = sample() | {"officer": [officer("lin"), officer("wang", b"w" * 32)]}
    assert parse(both).map_version() == parse(sample()).map_version()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kind", "scan_magic", "there is no family of readers scan_magic; there are scan_text"),
        ("profile", "best", "readers that type lines know no profiles"),
        ("triggered", True, "readers that type lines cannot be told when to read"),
    ],
)
def test_a_reader_does_not_fit_its_family(key, value, words):
    raw = sample()
    raw["reader"][0][key] = value
    told(raw, f"reader[0].{key}", words)


def test_a_scanner_is_of_a_make_that_nobody_knows():
    raw = sample()
    raw["reader"][0] |= {"kind": "scan_trigger", "profile": "acme"}
    told(raw, "reader[0].profile", "Honeywell and Newland scanners know honeywell, newland")


def test_a_keyboard_has_no_baud_rate():
    raw = sample()
    raw["reader"][0]["kind"] = "scan_wedge"
    told(raw, "reader[0].baud", "scanners that are keyboards have no baud rate")


def with_card(**card):
    raw = tomllib.loads(Path("config/cabinets/locker-modbus.toml").read_text(encoding="utf-8"))
    raw["board"][1] |= card
    return raw


@pytest.mark.parametrize("pulse_ms", [100, 300, 1000])
def test_waveshare_cards_count_their_pulses_in_tenths_of_a_second(pulse_ms):
    assert parse(with_card(pulse_ms=pulse_ms)).board[1].dialect == "waveshare"
    assert parse(with_card(pulse_ms=pulse_ms, profile="waveshare")).board[1].pulse_ms == pulse_ms


def test_a_card_whose_pulse_lasts_a_second_is_asked_for_no_other():
    assert parse(with_card(profile="eletechsup", pulse_ms=1000)).board[1].dialect == "eletechsup"


@pytest.mark.parametrize(
    ("card", "key", "words"),
    [
        (
            {"pulse_ms": 250},
            "pulse_ms",
            "Waveshare cards make pulses of 100, 200, 300, 400, 500",
        ),
        ({"profile": "eletechsup"}, "pulse_ms", "Eletechsup cards make pulses of 1000 ms, not 300"),
        (
            {"profile": "eletechsup", "pulse_ms": 1000, "channels": 16, "inputs": 16},
            "channels",
            "Eletechsup cards have at most 8, not 16",
        ),
        (
            {"profile": "wobble"},
            "profile",
            "relay cards know waveshare, eletechsup, value-0100, fc06",
        ),
        ({"inputs_function": 3}, "inputs_function", "2 or 4"),
        ({"profile": "value-0100"}, "cut_off", "value-0100 cards cannot time a pulse: a guard process does"),
        ({"profile": "fc06"}, "cut_off", "hardware has to end it within a second"),
        ({"profile": "lctech"}, "cut_off", "build it in and name it here"),
    ],
)
def test_relay_cards_are_asked_for_nothing_that_they_cannot_do(card, key, words):
    told(with_card(**card), f"board[1].{key}", words)


def with_a_guarded_card(**card):
    raw = with_card()
    raw["thermometer"], raw["zone"] = [], raw["zone"][:1]
    raw["board"] = [raw["board"][0] | {"profile": "lctech", "cut_off": "relay timer, 0.8 s"} | card]
    raw["compartment"] = [
        {
            "label": f"{n}",
            "size": "M",
            "zone": raw["zone"][0]["name"],
            "board": raw["board"][0]["name"],
            "channel": n,
        }
        for n in range(1, 9)
    ]
    return raw


def test_a_card_that_cannot_time_a_pulse_is_taken_with_a_cut_off_and_its_guard_beside_it():
    assert parse(with_a_guarded_card()).board[0].is_guarded
    raw = with_a_guarded_card()
    raw["bus"][0]["port"] = "socket://10.0.0.7:8899"
    told(raw, "bus[0].port", "a guard that is cut off turns nothing off")


def test_modbus_tcp_runs_on_modbus_buses_alone():
    raw = sample()
    raw["bus"][0]["port"] = "modbus-tcp://10.0.0.7:502"
    told(raw, "bus[0].port", "modbus-tcp://10.0.0.7:502 is Modbus TCP, and bus rs485 is serial")
    raw = with_card()
    raw["bus"][0]["port"] = "modbus-tcp://10.0.0.7:502"
    assert parse(raw).bus[0].frames_modbus_tcp


def with_inputs(*changes):
    raw = tomllib.loads(Path("config/cabinets/locker-modbus.toml").read_text(encoding="utf-8"))
    raw["board"][1]["inputs"] = 16
    raw["bus"].append({"name": "rs485", "port": "/dev/ttyUSB2"})
    plain = {"means": "tamper", "bus": "modbus", "address": 22}
    raw["input"] = [
        plain | {"name": f"case-{n}", "number": n} | change for n, change in enumerate(changes, start=1)
    ]
    return raw


def test_contacts_of_the_case_have_a_card_of_their_own_or_what_door_switches_leave():
    inputs = parse(with_inputs({}, {"means": "tilt"}, {"address": 12, "number": 9})).input
    assert [each.card for each in inputs] == ["modbus-22", "modbus-22", "modbus-12"]
    plain = with_inputs()
    assert parse(with_inputs({})).map_version() == parse(plain).map_version()
    assert parse(with_inputs({})).wiring() == parse(plain).wiring()


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"bus": "attic"}, "input[1].bus", "there is no bus named attic"),
        ({"bus": "rs485"}, "input[1].bus", "case-2 cannot sit on bus rs485, which is serial"),
        ({"pin": 5}, "input[1].pin", "there is no such setting on a modbus bus"),
        ({"address": None}, "input[1].address", "is missing on a modbus bus"),
        ({"name": "case-1"}, "input[1].name", "case-1 is already used by input[0]"),
        ({"number": 1}, "input[1].number", "input 1 of card modbus-22 already belongs to case-1"),
        ({"function": 4}, "input[1].function", "case-1 reads card modbus-22 by function 2"),
        ({"address": 21}, "input[1].address", "address 21 on bus modbus belongs to cold-air"),
        ({"address": 2}, "input[1].address", "address 2 on bus modbus belongs to cold"),
        ({"address": 12, "number": 8}, "input[1].number", "is a door switch of board cold"),
        ({"address": 12, "number": 17}, "input[1].number", "board cold has 16 inputs, not 17"),
        (
            {"address": 12, "number": 9, "function": 4},
            "input[1].function",
            "board cold reads this card by function 2",
        ),
        ({"address": 11, "number": 9}, "input[1].number", "input 9 of card modbus-11 is the beam of H1"),
        ({"address": 0}, "input[1].address", "greater than or equal to 1"),
        ({"means": "smoke"}, "input[1].means", "'tamper', 'tilt' or 'inside'"),
    ],
)
def test_an_input_that_cannot_be_read(change, key, words):
    told(with_inputs({}, change), key, words)


def test_a_guarded_bus_has_no_contacts():
    raw = with_a_guarded_card()
    raw["input"] = [{"name": "back", "means": "tamper", "bus": "modbus", "address": 22, "number": 1}]
    told(
        raw, "input[0].bus", "belongs to the guard of boards that cannot time a pulse: give back another one"
    )


def test_a_button_that_nothing_reads_is_none():
    raw = with_inputs({})
    raw["cabinet"]["inside_button"] = True
    told(raw, "cabinet.inside_button", "nothing reads it")
    raw["input"][0]["means"] = "inside"
    assert parse(raw).cabinet.inside_button


def with_lamps(*changes):
    raw = with_inputs()
    raw["bus"].append({"name": "lamps", "kind": "modbus", "port": "/dev/ttyUSB3"})
    plain = {"means": "lamp", "label": "H1", "bus": "lamps", "address": 5}
    raw["indicator"] = [
        plain | {"name": f"lamp-{n}", "number": n} | change for n, change in enumerate(changes, start=1)
    ]
    return raw


def test_lamps_and_buzzers_hang_on_a_wire_without_locks():
    raw = with_lamps({}, {"means": "buzzer", "label": None}, {"address": 6, "profile": "eletechsup"})
    file = parse(raw)
    assert [each.card for each in file.indicator] == ["lamps-5", "lamps-5", "lamps-6"]
    assert file.wiring() == parse(with_lamps()).wiring()


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        (
            {"bus": "modbus"},
            "indicator[1].bus",
            "the output of lamp-2 may stay on, and lock board hall is on bus modbus too: give it a wire",
        ),
        ({"bus": "attic"}, "indicator[1].bus", "there is no bus named attic"),
        (
            {"bus": "rs485"},
            "indicator[1].bus",
            "lamp-2 cannot sit on bus rs485, which is serial",
        ),
        ({"name": "lamp-1"}, "indicator[1].name", "already used by indicator[0]"),
        ({"number": 1}, "indicator[1].number", "output 1 of card lamps-5 already belongs to lamp-1"),
        ({"number": 9, "profile": "lctech"}, "indicator[1].number", "LCTECH cards have at most 8, not 9"),
        ({"profile": "lctech"}, "indicator[1].profile", "lamp-1 switches card lamps-5 as coils"),
        ({"profile": "waveshare"}, "indicator[1].profile", "no cards waveshare for lamps; there are coils, "),
        ({"label": None}, "indicator[1].label", "lamp-2 is a lamp and must name its compartment"),
        ({"label": "X9"}, "indicator[1].label", "there is no compartment X9"),
        ({"means": "buzzer"}, "indicator[1].label", "a buzzer belongs to no compartment"),
        ({"address": 0}, "indicator[1].address", "greater than or equal to 1"),
    ],
)
def test_an_indicator_that_must_not_be(change, key, words):
    told(with_lamps({}, change), key, words)


def test_the_port_of_the_locks_under_another_name_is_their_wire_too():
    raw = with_lamps({})
    raw["bus"][-1]["port"] = raw["bus"][0]["port"]
    told(raw, "indicator[0].bus", "lock board hall is on /dev/ttyUSB0, as bus modbus, too")


def test_the_page_about_contacts_shows_what_a_cabinet_file_takes():
    page = Path("docs/boards/signals.md").read_text(encoding="utf-8")
    shown = tomllib.loads("".join(part.partition("```")[0] for part in page.split("```toml\n")[1:]))
    raw = with_inputs()
    shown["bus"] += raw["bus"]
    file = parse(raw | shown)
    assert (len(file.input), len(file.indicator)) == (2, 2)

"""Doors opened from afar: the ledger says what was asked, what became of it, and when nothing was heard."""

import asyncio
from pathlib import Path

import pytest

from tests.service.conftest import Service, public_keys, started, until
from tests.service.fake_cabinet import FakeCabinet, Stay, box

to = asyncio.to_thread
DOOR = "/v1/cabinets/garden-east-1/compartments/03/open"
WHY = {"reason": "resident called"}


def ended(cabinet: FakeCabinet, command: str, outcome: str, reason: str = "") -> bytes:
    return cabinet.event("CommandEnded", command=command, outcome=outcome, reason=reason)


async def test_an_opening_is_signed_for_the_session_and_ends_as_the_cabinet_says(service: Service) -> None:
    cabinet = await service.connected()
    answer = await service.http.post(DOOR, json=WHY)
    assert (answer.status_code, answer.json()["state"]) == (202, "sent")
    command = await to(cabinet.command, public_keys(service, "commands"))
    assert (command.session, command.compartment, command.occupancy) == (cabinet.session, "03", None)
    assert (command.purpose, command.presence, command.id) == ("service", None, answer.json()["id"])
    await to(cabinet.tell, ended(cabinet, command.id, "succeeded"))
    row = (await service.http.get(answer.headers["Location"])).json()
    assert (row["state"], row["outcome"], row["asked_by"]) == ("succeeded", "succeeded", "key test-0")


async def test_waiting_for_an_opening_answers_when_it_has_ended(service: Service) -> None:
    cabinet = await service.connected()
    asked = asyncio.create_task(service.http.post(DOOR, json=WHY, headers={"Prefer": "wait=10"}))
    command = await to(cabinet.command, public_keys(service, "commands"))
    await to(cabinet.tell, ended(cabinet, command.id, "rejected", "budget"))
    answer = await asked
    assert (answer.status_code, answer.json()["state"], answer.json()["why"]) == (200, "rejected", "budget")


async def test_the_command_names_the_parcel_that_lies_there(service: Service) -> None:
    cabinet = await service.connected()
    stay = Stay("03", f"{cabinet.epoch}-1", "ab" * 8, "cd" * 8)
    await to(cabinet.tell, stay.deposited(cabinet))
    await service.http.post(DOOR, json=WHY)
    command = await to(cabinet.command, public_keys(service, "commands"))
    assert command.occupancy == stay.occupancy


async def test_silence_is_timed_out_and_a_late_outcome_stands_beside_it(tmp_path: Path) -> None:
    async with started(tmp_path / "cloud", command_deadline_s=1, command_final_s=5) as service:
        cabinet = await service.connected()
        service.parts.commands._final_ms = 0
        command = (await service.http.post(DOOR, json=WHY)).json()["id"]

        async def timed_out() -> bool:
            return bool((await service.parts.commands.row(command))["state"] == "timed_out")

        await until(timed_out)
        await to(cabinet.tell, ended(cabinet, command, "succeeded"))
        row = await service.parts.commands.row(command)
        assert (row["state"], row["outcome"]) == ("timed_out", "succeeded")


async def test_a_second_outcome_changes_nothing(service: Service) -> None:
    cabinet = await service.connected()
    command = (await service.http.post(DOOR, json=WHY)).json()["id"]
    await to(cabinet.tell, ended(cabinet, command, "failed", "door_stuck"))
    await to(cabinet.tell, ended(cabinet, command, "succeeded"))
    row = await service.parts.commands.row(command)
    assert (row["state"], row["why"]) == ("failed", "door_stuck")


async def test_another_cabinet_cannot_end_a_command(service: Service) -> None:
    await service.connected()
    west = await service.connected("locker-modbus")
    command = (await service.http.post(DOOR, json=WHY)).json()["id"]
    await to(west.tell, ended(west, command, "succeeded"))
    assert (await service.parts.commands.row(command))["state"] == "sent"


async def test_a_cabinet_that_is_not_there_is_asked_nothing(service: Service) -> None:
    await service.enrolled()
    answer = await service.http.post(DOOR, json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "cabinet_offline")
    assert (await service.http.get("/v1/commands")).json()["commands"] == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/cabinets/nowhere-1/compartments/03/open", "unknown_cabinet"),
        ("/v1/cabinets/garden-east-1/compartments/99/open", "unknown_compartment"),
    ],
)
async def test_what_does_not_exist_cannot_be_opened(service: Service, path: str, code: str) -> None:
    await service.connected()
    answer = await service.http.post(path, json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_a_resident_opens_from_the_link_with_what_the_screen_shows(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    link = order["link"].removeprefix(service.parts.public_url)
    shown = {"nonce": "ab" * 8, "number": 42}
    early = await service.http.post(f"{link}/open", json=shown)
    assert (early.status_code, early.json()["code"]) == (409, "not_loaded")
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    await to(cabinet.tell, stay.deposited(cabinet))
    asked = asyncio.create_task(service.http.post(f"{link}/open", json=shown, headers={"Prefer": "wait=10"}))
    command = await to(cabinet.command, public_keys(service, "commands"))
    assert command.presence is not None
    assert (command.presence.nonce, command.presence.number) == ("ab" * 8, 42)
    assert (command.purpose, command.occupancy) == ("collect", stay.occupancy)
    await to(cabinet.tell, ended(cabinet, command.id, "rejected", "not_there"))
    told = (await asked).json()
    assert (told["state"], told["says"]["en"]) == ("rejected", "The number does not match the screen")
    await to(cabinet.tell, stay.collected(cabinet))
    late = await service.http.post(f"{link}/open", json=shown)
    assert (late.status_code, late.json()["code"]) == (409, "used")


async def test_the_resident_page_hears_of_its_door_while_it_moves(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    await to(cabinet.tell, stay.deposited(cabinet))
    link = order["link"].removeprefix(service.parts.public_url)
    named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
    opened = cabinet.event(
        "DoorOpened", "03", box=box("03", "collecting", "open", **named), opening=2, purpose="collect",
        proof="code", pulse=1, after_pulse_ms=80,
    )  # fmt: skip
    async with service.http.stream("GET", f"{link}/live") as stream, asyncio.timeout(10):
        lines = stream.aiter_lines()
        doors = []
        async for line in lines:
            if line.startswith("data:"):
                doors.append('"door": "open"' in line)
                if not doors[-1]:
                    await to(cabinet.tell, opened)
                else:
                    break
    assert doors == [False, True]

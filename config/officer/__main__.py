"""``tuangui officer``: keys and orders that open every door of a cabinet; needs no cloud and no network."""

import secrets
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from config.contract.messages import SignedOrder
from config.contract.officers import LONGEST_MIN, BadOrder, OpenAllOrder, read_order, sign_order, sign_too
from config.contract.signing import SigningKey
from config.officer.papers import (
    NAME,
    for_the_cabinet_file,
    read_key,
    read_order_file,
    replace_order,
    write_key,
    write_order,
)
from config.problems import BadFile

MINUTE_MS = 60_000

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
KeyFile = Annotated[Path, typer.Option("--key", help="your private key file")]


@app.callback()
def officer() -> None:
    """Order every door of a cabinet open, in an emergency: two officers sign, each with a key of their own.

    Example: tuangui officer order garden-east-1 --reason "smoke in the hall" --key lin.key --out order.json
    """


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="yours: lower-case letters, digits, dashes")],
    out: Annotated[Path, typer.Option(help="the private key file to write")],
) -> None:
    """Make a private key, and print the lines by which a cabinet file names its officer.

    Example: tuangui officer key lin --out lin.key
    """
    if NAME.fullmatch(name) is None:
        _fail(f"an officer's name has lower-case letters, digits and dashes, not {name!r}")
    made = SigningKey.generate(name)
    try:
        write_key(made, out)
    except BadFile as error:
        _fail(error)
    print(f"{out} is your private key: keep it off every server and off the network.")
    print(f"Into the cabinet file, beside those of the other officers:\n\n{for_the_cabinet_file(made)}")


@app.command()
def order(
    cabinet: Annotated[str, typer.Argument(help="the cabinet's id")],
    reason: Annotated[str, typer.Option(help="why; kept in the records of cabinet and cloud")],
    key: KeyFile,
    out: Annotated[Path, typer.Option(help="the order file to write")],
    minutes: Annotated[int, typer.Option(min=1, max=LONGEST_MIN, help="good for so long from now")] = 10,
) -> None:
    """Order every door of one cabinet open, and sign it as the first of two officers.

    Example: tuangui officer order garden-east-1 --reason "smoke in the hall" --key lin.key --out order.json
    """
    now = _now_ms()
    try:
        made = OpenAllOrder(
            id=secrets.token_hex(8), cabinet=cabinet, reason=reason,
            made_ms=now, good_until_ms=now + minutes * MINUTE_MS,
        )  # fmt: skip
        signed = sign_order(read_key(key), made)
        write_order(signed, out)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        _fail(f"{'.'.join(map(str, first['loc'])) or 'order'}: {first['msg']}")
    except BadFile as error:
        _fail(error)
    print(_shown(made, signed))
    print(f"{out} goes to another officer now, who signs it: tuangui officer sign {out} --key …")


@app.command()
def sign(
    order: Annotated[Path, typer.Argument(help="the order file; the signature is added to it")],
    key: KeyFile,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Read what another officer has ordered, and sign it as the second of two.

    Example: tuangui officer sign order.json --key wang.key
    """
    try:
        signed = read_order_file(order)
        asked = read_order(signed)
        asked.check_time(_now_ms())
        twice = sign_too(read_key(key), signed)
        print(_shown(asked, signed))
        if not (yes or typer.confirm("Sign this order?")):
            _fail("not signed")
        replace_order(twice, order)
    except (BadFile, BadOrder) as error:
        _fail(error)
    print(f"Signed by both. Hand it in now: tuangui cloud open-all {order}")


def _shown(order: OpenAllOrder, signed: SignedOrder) -> str:
    """What is signed, from its exact bytes; nothing in it can move the cursor."""
    by = ", ".join(f"{each.name} (key {each.key[:8]}…)" for each in signed.signatures)
    return (
        f"Order {order.id}: OPEN EVERY DOOR of cabinet {order.cabinet}\n"
        f"  reason      {order.reason}\n"
        f"  made        {_moment(order.made_ms)}\n"
        f"  good until  {_moment(order.good_until_ms)}\n"
        f"  signed by   {by}"
    )


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(" ", timespec="seconds")


def _now_ms() -> int:
    return int(time.time() * 1000)


def _fail(error: object) -> NoReturn:
    typer.echo(f"tuangui officer: {error}", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app(prog_name="tuangui officer")

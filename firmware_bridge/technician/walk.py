"""``tuangui bridge commission``: from a cabinet as it was meant to its file as it is wired."""

from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.commission import CoilHeld
from firmware_bridge.commission import command as commission
from firmware_bridge.technician.typed import AsJson, File, Port, fail, loaded, ports_given, run


def commission_cabinet(
    file: File,
    out: Annotated[Path, typer.Option(help="the cabinet file to write")],
    labels: Annotated[Path | None, typer.Option(help="write a sheet of door labels (HTML) to print")] = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Open one door after the other, ask which one it was, and write the file of the cabinet as it is wired.

    FILE says how it was meant. Nothing is written when you give up, or when a card does not let a lock go.
    Exit code 1: something is left to repair.

    Example: ./tuangui bridge commission plan.toml --out cabinet.toml --labels doors.html
    """
    plan = loaded(file)
    if out.exists():
        fail(f"{out} exists: name a new file")
    try:
        wiring = run(commission.commission(plan, ports_given(port)))
        if len(wiring.left_out) == len(plan.compartment):
            fail("\n".join([*map(str, wiring.findings), "no door works: nothing was written"]))
        commission.write(wiring, out, labels)
    except (commission.GaveUp, CoilHeld) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if as_json:
        print(commission.as_json(wiring, out))
    else:
        for finding in wiring.findings:
            print(f"{'set in the file' if finding.repaired else 'to repair':>16}  {finding}")
        print(f"{out}: {len(plan.compartment) - len(wiring.left_out)} of {len(plan.compartment)} doors")
    raise typer.Exit(0 if all(finding.repaired for finding in wiring.findings) else 1)

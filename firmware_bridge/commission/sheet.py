"""A sheet of door labels to print: the label, and a QR that says which door of which cabinet it is."""

import io
from html import escape

import segno

from config.cabinet import Cabinet, Compartment

DOOR_PREFIX = "TUANGUI-DOOR"


def door_text(cabinet: Cabinet, compartment: Compartment) -> str:
    """What a door's QR says. It opens nothing: it is for people who look a door up."""
    return f"{DOOR_PREFIX}:{cabinet.id}:{compartment.label}"


def sheet(cabinet: Cabinet) -> str:
    """One HTML page of all door labels, in the order of the file; prints on A4 without anything else."""
    doors = "\n".join(_door(cabinet, each) for each in cabinet.compartment)
    title = escape(f"{cabinet.cabinet.name_zh} {cabinet.cabinet.number}")
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>{title}</title>
<style>
@page {{ size: A4; margin: 10mm }}
body {{ margin: 0; font-family: sans-serif; display: flex; flex-wrap: wrap; gap: 4mm }}
figure {{ margin: 0; width: 44mm; padding: 3mm; border: .3mm solid #999; text-align: center }}
figure {{ box-sizing: border-box; break-inside: avoid }}
b {{ display: block; font-size: 15mm; line-height: 1.1 }}
svg {{ width: 26mm; height: 26mm }}
small {{ display: block; font-size: 3mm; color: #444 }}
</style>
{doors}
</html>
"""


def _door(cabinet: Cabinet, compartment: Compartment) -> str:
    picture = io.BytesIO()
    segno.make(door_text(cabinet, compartment), error="m", micro=False).save(
        picture, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True
    )
    about = escape(f"{cabinet.cabinet.number} · {compartment.size} · {compartment.zone}")
    label, drawn = escape(compartment.label), picture.getvalue().decode().strip()
    return f"<figure><b>{label}</b>{drawn}<small>{about}</small></figure>"

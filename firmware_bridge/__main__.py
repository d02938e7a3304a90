"""``tuangui bridge``: talk to real boards from the command line, through the same drivers as the product."""

import typer

from firmware_bridge.technician.address import address
from firmware_bridge.technician.doors import doors
from firmware_bridge.technician.explain import decode
from firmware_bridge.technician.opening import open_door
from firmware_bridge.technician.ports import ports
from firmware_bridge.technician.read_code import read_code
from firmware_bridge.technician.replay import replay
from firmware_bridge.technician.scan import scan
from firmware_bridge.technician.temperature import temperature
from firmware_bridge.technician.time_polls import time_polls
from firmware_bridge.technician.trace import trace
from firmware_bridge.technician.walk import commission_cabinet
from firmware_bridge.technician.weigh import weigh

app = typer.Typer(no_args_is_help=True, help="Talk to the boards of a cabinet.")

app.command("ports")(ports)
app.command("scan")(scan)
app.command("doors")(doors)
app.command("open")(open_door)
app.command("weigh")(weigh)
app.command("temperature")(temperature)
app.command("address")(address)
app.command("read-code")(read_code)
app.command("decode")(decode)
app.command("trace")(trace)
app.command("replay")(replay)
app.command("commission")(commission_cabinet)
app.command("time-polls", hidden=True)(time_polls)


if __name__ == "__main__":
    app()

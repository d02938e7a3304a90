"""The evening as a table."""

import statistics

from rich.console import Console
from rich.table import Table

from simulators.demo.evening import Evening


def show(evening: Evening, console: Console) -> None:
    """Deeds, latencies, checks, verdict."""
    console.print(_deeds(evening))
    console.print(_latencies(evening))
    console.print(_checks(evening))
    counts = ", ".join(f"{number} {name}" for name, number in evening.counts.items())
    verdict = "[green]it all adds up[/green]" if evening.ok else "[red]it does not add up[/red]"
    console.print(f"{evening.seconds:.0f} s on {evening.broker}: {counts or 'nothing counted'}; {verdict}")


def _deeds(evening: Evening) -> Table:
    table = Table(title="The evening", title_justify="left", expand=True)
    table.add_column("s", justify="right")
    table.add_column("cabinet", no_wrap=True)
    table.add_column("door", no_wrap=True)
    table.add_column("who and what", ratio=1)
    table.add_column("ms to open", justify="right", no_wrap=True)
    for deed in evening.deeds:
        ms = "" if deed.ms is None else f"{deed.ms:.0f}"
        by = f" [dim]({deed.proof})[/dim]" if deed.proof else ""
        table.add_row(f"{deed.at_s:.1f}", deed.cabinet, deed.door, f"{deed.who} {deed.what}{by}", ms)
    return table


def _latencies(evening: Evening) -> Table:
    table = Table(title="How long it took, ms", title_justify="left")
    for name in ("", "times", "median", "longest"):
        table.add_column(name, justify="right" if name else "left")
    for name, values in evening.latencies_ms.items():
        if values:
            median, longest = statistics.median(values), max(values)
            table.add_row(name, str(len(values)), f"{median:.0f}", f"{longest:.0f}")
    table.caption = (
        "Doors include the scan's own time on its wire, 0.1 s of latch and spring, and the board's poll."
    )
    return table


def _checks(evening: Evening) -> Table:
    table = Table(title="Does it add up?", title_justify="left")
    table.add_column("")
    table.add_column("what has to hold")
    for check in evening.checks:
        against = "".join(f"\n  {each}" for each in check.against[:5])
        table.add_row("[green]yes[/green]" if check.ok else "[red]NO[/red]", check.name + against)
    return table

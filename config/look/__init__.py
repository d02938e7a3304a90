"""How everything that people see looks: one set of colours, type and spacing for kiosk and pages."""

from pathlib import Path

ICON = Path(__file__).with_name("icon.svg")
TOKENS = Path(__file__).with_name("tokens.css")
"""CSS custom properties; served by whoever serves a page."""

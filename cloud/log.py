"""How the service logs: coloured for a terminal, else a line of JSON each. Secrets never get here."""

import logging
import sys

import structlog


def set_up_logging(level: str) -> None:
    """To stderr, from this level on; also what libraries log."""
    chosen = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(chosen),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(chosen, logging.WARNING), stream=sys.stderr)

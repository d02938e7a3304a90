"""What the service counts, for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

OF_DOORS = ("openings", "retries", "failures", "bounces", "open_ms", "slowest_ms")
"""What a cabinet tells of its doors in sum; nothing else that it says becomes a label."""


class Metrics:
    """Counters and gauges by name; ``text()`` is the page that Prometheus reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = self._counter(
            "messages", "Messages from cabinets, by what became of them", "leaf", "fate"
        )
        self.events = self._counter("events", "Events by what became of them", "fate")
        self.commits = self._counter("ingest_commits", "Ingest transactions committed")
        self.failures = self._counter("ingest_failures", "Ingest transactions that were undone")
        self.commands = self._counter("commands", "Commands by state reached", "state")
        self.documents = self._counter("documents_sent", "Documents sent, by name", "name")
        self.orders = self._counter("orders", "Orders taken")
        self.group = Histogram(
            "tuangui_ingest_group_events",
            "Events in one ingest transaction",
            buckets=(1, 3, 10, 30, 100, 300, 1000, 3000),
            registry=self.registry,
        )
        self.backlog = self._gauge("inbox_backlog", "Messages that wait to be taken in")
        self.dropped = self._gauge("inbox_dropped", "Messages dropped because the inbox was full")
        self.broker_up = self._gauge("broker_up", "1: connected to the broker and subscribed")
        self.broker_restarts = self._gauge("broker_restarts", "How often the broker child was started again")
        self.watchers = self._gauge("watchers", "Pages and requests that watch for changes")
        self.cabinets = self._gauge("cabinets", "Cabinets by presence", "state")
        self.alarms = self._gauge("alarms_open", "Open alarms by fault", "fault")
        self.doors = self._gauge(
            "doors", "What an enrolled cabinet tells of its doors in sum", "cabinet", "figure"
        )

    def sampled(self, cabinet: str, samples: Mapping[str, float]) -> None:
        """An enrolled cabinet has sent telemetry."""
        for figure in OF_DOORS:
            if (value := samples.get(f"doors.{figure}")) is not None:
                self.doors.labels(cabinet, figure).set(value)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"tuangui_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"tuangui_{name}", says, labels, registry=self.registry)

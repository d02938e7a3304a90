"""Whether the service lives, can serve, and what it counts."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from cloud.parts import Parts


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Database and broker can be reached; 503 says which cannot."""
        async with parts.store.reading():
            database = True
        broker = parts.downlink.is_up
        said: dict[str, Any] = {"ready": database and broker, "database": database, "broker": broker}
        return JSONResponse(said, 200 if said["ready"] else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus; counts only, nobody's name."""
        await _look(parts)
        return Response(parts.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _look(parts: Parts) -> None:
    """Bring the gauges up to date."""
    metrics = parts.metrics
    metrics.backlog.set(parts.downlink.backlog)
    metrics.dropped.set(parts.downlink.dropped)
    metrics.broker_up.set(parts.downlink.is_up)
    metrics.broker_restarts.set(parts.broker.restarts if parts.broker else 0)
    metrics.watchers.set(len(parts.live))
    for state, count in parts.online.counts().items():
        metrics.cabinets.labels(state).set(count)
    metrics.alarms.clear()
    for alarm in await parts.fleet.alarms():
        metrics.alarms.labels(alarm["fault"]).inc()

"""The parts list: the only file of the cloud that builds everything."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn

from cloud.api import build_api
from cloud.auth import ApiKeys
from cloud.badges import Badges
from cloud.broker import CLOUD_LOGIN, MOSQUITTO, NATS, ChildBroker
from cloud.cabinet_keys import KeyRing
from cloud.commands import Commands
from cloud.console import console_running
from cloud.documents import Documents
from cloud.downlink import BrokerAddress, Downlink
from cloud.enrolment import Enrolment
from cloud.fleet import Fleet
from cloud.ingest import Ingest
from cloud.keys import load_keys
from cloud.live import Live
from cloud.logins import BrokerLogins
from cloud.metrics import Metrics
from cloud.orders import Orders
from cloud.parts import Parts
from cloud.pickup import Pickup
from cloud.presence import OnlineCabinets
from cloud.resident import Resident
from cloud.sessions import Sessions
from cloud.sharing import Sharing
from cloud.store import Store, open_store
from cloud.store.engine import sqlite_url
from cloud.vault import Vault, new_secret
from config.settings import CloudSettings

BROKER_READY_S = 10
EXPIRY_SWEEP_S = 60

log = structlog.get_logger("cloud")


class StartProblem(Exception):
    """The service cannot start; one plain sentence."""


async def serve(settings: CloudSettings, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run until SIGTERM or SIGINT. ``announce`` gets the addresses once everything answers."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with running(settings) as parts:
        port = parts.broker.port if parts.broker else None
        urls = {"url": parts.public_url, "broker_url": parts.logins.public_url}
        announce({"ready": True, **urls, "broker_port": port})
        await stop.wait()
        log.info("stopping")


@contextlib.asynccontextmanager
async def running(settings: CloudSettings) -> AsyncIterator[Parts]:
    """A whole service, from data folder to open port; taken down in the opposite order."""
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings))
        store, vault = await open_folder(settings)
        stack.push_async_callback(store.close)
        keys = await load_keys(store, vault)
        ring, online, live, metrics = KeyRing(store, vault), OnlineCabinets(), Live(), Metrics()
        enrolment = Enrolment(store, vault, keys, ring)
        broker, logins, address = await _start_broker(settings, enrolment)
        if broker is not None:
            stack.push_async_callback(broker.stop)
        downlink = Downlink(address)
        documents = Documents(store, downlink, ring, keys, online, live, metrics)
        ingest = Ingest(
            store, downlink, ring, live, metrics, online, group_rows=settings.group_commit_rows
        )  # fmt: skip
        commands = Commands(
            store, downlink, keys, online, live, metrics,
            deadline_s=settings.command_deadline_s, final_s=settings.command_final_s,
        )  # fmt: skip
        public_url = _public_url(settings, listener)
        pickup = Pickup(vault, keys, public_url)
        orders = Orders(store, pickup, documents, live, metrics)
        fleet = Fleet(store, online, documents, live, offline_after_s=settings.offline_after_s)
        api_keys = ApiKeys(store)
        parts = Parts(
            settings=settings, public_url=public_url, store=store, live=live, online=online, metrics=metrics,
            api_keys=api_keys, sessions=Sessions(vault, api_keys), enrolment=enrolment, logins=logins,
            downlink=downlink, broker=broker, fleet=fleet, commands=commands, orders=orders,
            badges=Badges(store, pickup, documents),
            resident=Resident(
                store, pickup, orders, Sharing(store, pickup, documents), commands, online
            ),
        )  # fmt: skip
        await fleet.load()
        downlink.start()
        stack.push_async_callback(downlink.stop)
        if not await downlink.wait_until_up(BROKER_READY_S):
            log.error("the broker does not let us in yet; trying on", broker=address.public)
        work = (
            ingest.run(), documents.follow(ingest.taken_in), documents.insist(), commands.run(), fleet.run(),
            _expire(orders),
        )  # fmt: skip
        await stack.enter_async_context(_working(work))
        await stack.enter_async_context(console_running())
        await stack.enter_async_context(_serving(parts, listener))
        stack.callback(live.close)
        yield parts


async def open_folder(settings: CloudSettings, *, checkpoints: bool = True) -> tuple[Store, Vault]:
    """Database and keys of the data folder, made at the first start."""
    try:
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartProblem(f"folder {settings.folder} cannot be made: {error.strerror}") from error
    vault = Vault(settings.folder / "keys")
    store = await open_store(settings.database_url or sqlite_url(settings.folder), checkpoints=checkpoints)
    return store, vault


async def _start_broker(
    settings: CloudSettings, enrolment: Enrolment
) -> tuple[ChildBroker | None, BrokerLogins, BrokerAddress]:
    if settings.broker == "external":
        address = BrokerAddress.parse(settings.broker_url)
        return None, BrokerLogins(enrolment, None, "", address.public), address
    kind = NATS if settings.broker == "nats" else MOSQUITTO
    broker = ChildBroker(kind, settings.folder / "broker", settings.broker_host, settings.broker_port)
    password = new_secret()
    broker.remember_port()
    reached_at = _reached_at(settings.broker_host, settings.public_url)
    told = settings.broker_public_url or f"mqtt://{reached_at}:{broker.port}"
    logins = BrokerLogins(enrolment, broker, password, told)
    await broker.start(await logins.all())
    return broker, logins, BrokerAddress(_dial(settings.broker_host), broker.port, CLOUD_LOGIN, password)


def _reached_at(host: str, public_url: str) -> str:
    """The name under which others reach a listener: its own address unless it listens on all."""
    if host in ("0.0.0.0", "::"):
        return urlsplit(public_url).hostname or socket.gethostname()
    return host


def _dial(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


@contextlib.contextmanager
def _listen(settings: CloudSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise StartProblem(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    with listener:
        yield listener


def _public_url(settings: CloudSettings, listener: socket.socket) -> str:
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = _reached_at(settings.host, "")
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: ``serve`` has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _serving(parts: Parts, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        build_api(parts), log_config=None, access_log=False, server_header=False,
        ws="websockets-sansio", timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn sets a flag, not an event)
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def _working(work: tuple[Coroutine[Any, Any, None], ...]) -> AsyncIterator[None]:
    """The endless tasks. One that ends takes the process down: a supervisor starts it afresh."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.critical("a part has ended", part=repr(task.get_coro()), exc_info=task.exception())
            os.kill(os.getpid(), signal.SIGTERM)

    tasks = [asyncio.create_task(part) for part in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _expire(orders: Orders) -> None:
    while True:
        try:
            await orders.forget_expired()
        except Exception:
            log.exception("expired codes could not be erased")
        await asyncio.sleep(EXPIRY_SWEEP_S)


def as_line(addresses: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(addresses)
    return f"tuangui cloud serves {addresses['url']}, its broker is at {addresses['broker_url']}"

"""Locks on pins of this computer (relays or transistors), with a guard that times the pulses."""

from config.cabinet import Board
from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.guard import Guard
from firmware_bridge.guard.lock import GuardedLock


def _drive(board: Board, guard: Guard, _: tuple[int, ...]) -> GuardedLock:
    return GuardedLock(board.name, guard, board.channels, board.pulse_ms, board.closed_input)


DEVICE = LockDevice(LOCKS["lock_gpio"], _drive)

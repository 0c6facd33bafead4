"""Trouble on order: what a rig that is simulated lets go wrong, so that people and tests can see what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from faceapp.core.errors import UsageError
from faceapp.devices.protocols import ConnectedRig


@dataclass(frozen=True)
class Trouble:
    """One that can be ordered.

    Parameters
    ----------
    order : str
        What `TakesTroubles.inject` is given.
    title : str
        For a menu.
    section : str
        What it happens to, for people.
    """

    order: str
    title: str
    section: str


@runtime_checkable
class TakesTroubles(Protocol):
    """A connected rig that lets things go wrong on order; real ones do it unasked and are none."""

    def troubles(self) -> tuple[Trouble, ...]:
        """Return what there is."""
        ...

    def inject(self, *orders: str) -> tuple[str, ...]:
        """Order some; returns in words what each will do.

        Raises
        ------
        UsageError
            An order is not understood.
        """
        ...


def troubles_of(devices: ConnectedRig) -> tuple[Trouble, ...]:
    """Return what can go wrong on order; nothing where devices are real."""
    return devices.troubles() if isinstance(devices, TakesTroubles) else ()


def order_troubles(devices: ConnectedRig, *orders: str) -> tuple[str, ...]:
    """Order troubles; returns in words what each will do.

    Raises
    ------
    UsageError
        The rig takes no such orders, or not this one.
    """
    if not isinstance(devices, TakesTroubles) or not devices.troubles():
        raise UsageError("only the simulated rig lets faults happen on order; choose it with --rig simulated")
    return devices.inject(*orders)

"""How much a client may ask for: an allowance that grows with time, and that each request uses."""

from __future__ import annotations

import time


class Allowance:
    """An allowance, full at first.

    Args:
        rate: What it grows by in a second, above 0.
        most: What it grows to, and begins with, above 0.
    """

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._left, self._counted_at = most, time.monotonic()

    def take(self, cost: float) -> bool:
        """Use up a cost if it is there, and return whether it was."""
        self._grow()
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def is_full(self) -> bool:
        """Return whether it could be forgotten, and be made anew."""
        self._grow()
        return self._left == self._most

    def _grow(self) -> None:
        now = time.monotonic()
        grown = self._left + self._rate * (now - self._counted_at)
        self._left, self._counted_at = min(self._most, grown), now


class Allowances:
    """One for each address, which stays when its connections end, as long as it is not full.

    Args:
        rate: What each grows by in a second.
        most: What each grows to.
    """

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._by_address: dict[str, Allowance] = {}

    def of(self, address: str) -> Allowance:
        """Return that of an address."""
        self._by_address = {
            name: one for name, one in self._by_address.items() if not one.is_full()
        }
        return self._by_address.setdefault(address, Allowance(self._rate, self._most))

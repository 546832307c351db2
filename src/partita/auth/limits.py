"""How often signing in may be tried: a bucket of tries for each address and each account, in bounded memory.

Guessing a token of 256 bits is hopeless at any rate; the limit is for what a flood of tries costs, and for accounts that a
provider lets people name. The bucket of an account is larger than that of an address, and is filled again by a success, so that
a stranger who tries somebody's name from one address is stopped long before that person is.

Pure: the time goes in.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from partita.errors import TooOftenError

__all__ = ["FailureLimits", "SignInLimits"]


_SHARED = "\0all others"


@dataclass(slots=True)
class _Bucket:
    """Tries that are left, as of a moment."""

    left: float
    at_s: float


@dataclass(slots=True)
class _Buckets:
    """One bucket for each key."""

    capacity: float  # tries at once
    per_s: float  # tries that come back in a second
    most: int  # keys that are remembered
    held: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)  # the one that was used last at the end

    def wait_s(self, key: str, now_s: float) -> float:
        """Seconds until there is a try for the key; 0: now."""
        return max(0.0, (1.0 - self._bucket(key, now_s).left) / self.per_s)

    def take(self, key: str, now_s: float) -> None:
        self._bucket(key, now_s).left -= 1.0

    def give_back(self, key: str) -> None:
        if key in self.held:
            self.held[key].left += 1.0

    def fill(self, key: str) -> None:
        self.held.pop(key, None)

    def _bucket(self, key: str, now_s: float) -> _Bucket:
        found = self.held.get(key)
        if found is None:
            self._make_room(now_s)
            # Where all are in use, whoever is new shares one bucket: nobody gets a fresh one by pushing others out.
            key = key if len(self.held) < self.most else _SHARED
            found = self.held.setdefault(key, _Bucket(self.capacity, now_s))
        found.left = min(self.capacity, found.left + max(0.0, now_s - found.at_s) * self.per_s)
        found.at_s = max(found.at_s, now_s)
        self.held.move_to_end(key)
        return found

    def _make_room(self, now_s: float) -> None:
        """Forget buckets that are full again, which says the same as having none; those used first are at the beginning."""
        full_after_s = self.capacity / self.per_s
        while self.held:
            key, bucket = next(iter(self.held.items()))
            if now_s - bucket.at_s < full_after_s:
                break
            del self.held[key]


class SignInLimits:
    """Asked before each try to sign in."""

    def __init__(
        self,
        per_address: int = 10,
        per_account: int = 30,
        refill_s: float = 6.0,
        most: int = 20_000,
    ) -> None:
        """
        Args:
            per_address: tries that an address has at once.
            per_account: tries that an account has at once, from all addresses together.
            refill_s: seconds after which one more try comes back.
            most: addresses, and accounts, that are remembered.
        """
        self._addresses = _Buckets(per_address, 1 / refill_s, most)
        self._accounts = _Buckets(per_account, 1 / refill_s, most)

    def take(self, address: str, account: str, now_s: float) -> None:
        """Count one try.

        Args:
            address: from which it comes; an IPv6 one counts with all of its /64, which one customer has.
            account: id of the token, or name; empty: not known.
            now_s: monotonic seconds.

        Raises:
            TooOftenError: there were too many; this one is not counted.
        """
        place = network_of(address)
        wait_s = self._addresses.wait_s(place, now_s)
        if account:
            wait_s = max(wait_s, self._accounts.wait_s(account[:200], now_s))
        if wait_s > 0:
            raise TooOftenError(f"signing in was tried too often; try again in {max(1, round(wait_s))} s", wait_s)
        self._addresses.take(place, now_s)
        if account:
            self._accounts.take(account[:200], now_s)

    def succeeded(self, address: str, account: str) -> None:
        """The try went well, and is not counted: an account gets all of its tries back, an address only this one.

        Or whoever has an account here could try those of others without end, with a sign-in of their own between.
        """
        self._addresses.give_back(network_of(address))
        if account:
            self._accounts.fill(account[:200])

    def __len__(self) -> int:
        """How many addresses and accounts are remembered."""
        return len(self._addresses.held) + len(self._accounts.held)


class FailureLimits:
    """How often something may fail for an address: what goes well is not counted, and does not count against it."""

    def __init__(self, per_address: int = 60, refill_s: float = 1.0, most: int = 20_000) -> None:
        """
        Args:
            per_address: failures that an address has at once.
            refill_s: seconds after which one more comes back.
            most: addresses that are remembered.
        """
        self._addresses = _Buckets(per_address, 1 / refill_s, most)

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until the address may fail again; 0: now."""
        return self._addresses.wait_s(network_of(address), now_s)

    def failed(self, address: str, now_s: float) -> None:
        """Count a failure; of those beyond the limit none makes the wait longer."""
        if not self.wait_s(address, now_s):
            self._addresses.take(network_of(address), now_s)

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._addresses.held)


def network_of(address: str) -> str:
    """What counts as one address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:200]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)

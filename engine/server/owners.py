"""An owned engine lives as long as an owner is heard or connected; one that leaves is not waited for."""

from __future__ import annotations

from collections.abc import Callable


class Owners:
    """The owners by their connection, each with the time of its last word.

    Times are those of a monotonic clock, in seconds, and come from the caller.
    """

    def __init__(self, silence_s: float, now_s: float) -> None:
        """An owner that says nothing for `silence_s` counts as gone; the first has as long to come."""
        self._silence_s = silence_s
        self._heard_s: dict[bytes, float] = {}
        self._last_s = now_s
        self._has_left = False  # the owner that went last said so

    def hear(self, connection: bytes, now_s: float) -> None:
        """Notes a word of an owner, its first one too."""
        self._heard_s[connection] = self._last_s = now_s
        self._has_left = False

    def probe(self, is_connected: Callable[[bytes], bool], now_s: float) -> None:
        """Asks of each owner that has been silent for a while whether its connection still lives.

        A program that computes for minutes says nothing meanwhile, but its sockets answer.
        """
        for connection, heard_s in tuple(self._heard_s.items()):
            if now_s - heard_s > self._silence_s / 3 and is_connected(connection):
                self.hear(connection, now_s)

    def leave(self, connection: bytes) -> None:
        """Notes that a client goes; one that is no owner changes nothing."""
        if self._heard_s.pop(connection, None) is not None:
            self._has_left = True

    def are_gone(self, now_s: float) -> bool:
        """Whether nobody is left for whom the engine should stay."""
        self._heard_s = {
            connection: heard_s
            for connection, heard_s in self._heard_s.items()
            if now_s - heard_s <= self._silence_s
        }
        if self._heard_s:
            return False
        return self._has_left or now_s - self._last_s > self._silence_s

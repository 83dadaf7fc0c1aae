"""Drops files onto a point of the screen, as a file manager does, by X's drag-and-drop protocol.

    python3 drop_files.py X Y FILE...

A program of its own beside Blender, on nothing but libX11. The protocol is XDND version 5
(freedesktop.org/wiki/Specifications/XDND): Enter, Position and Drop go to the window that is XdndAware; it
asks for the selection XdndSelection as text/uri-list, and answers Status and Finished.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import time
from pathlib import Path

LIMIT_S = 10.0
VERSION = 5
CLIENT_MESSAGE, SELECTION_REQUEST, SELECTION_NOTIFY = 33, 30, 31  # event types of X.h
ATOM, ANY_TYPE, REPLACE = 4, 0, 0

Long = ctypes.c_long
Id = ctypes.c_ulong


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent."""

    _fields_ = (
        *(("type", ctypes.c_int), ("serial", Id), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(("window", Id), ("message_type", Id), ("format", ctypes.c_int), ("data", Long * 5)),
    )


class SelectionRequest(ctypes.Structure):
    """XSelectionRequestEvent."""

    _fields_ = (
        *(("type", ctypes.c_int), ("serial", Id), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(
            ("owner", Id),
            ("requestor", Id),
            ("selection", Id),
            ("target", Id),
            ("property", Id),
            ("time", Id),
        ),
    )


class SelectionNotify(ctypes.Structure):
    """XSelectionEvent."""

    _fields_ = (
        *(("type", ctypes.c_int), ("serial", Id), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(("requestor", Id), ("selection", Id), ("target", Id), ("property", Id), ("time", Id)),
    )


class Event(ctypes.Union):
    """XEvent: 24 longs."""

    _fields_ = (
        *(("type", ctypes.c_int), ("client", ClientMessage), ("request", SelectionRequest)),
        *(("notify", SelectionNotify), ("pad", Long * 24)),
    )


class Source:
    """A file manager with files in its hand."""

    def __init__(self, files: list[Path]) -> None:
        self.x11 = x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        for name in ("XInternAtom", "XDefaultRootWindow", "XCreateSimpleWindow"):
            getattr(x11, name).restype = Id
        display = x11.XOpenDisplay(None)
        if not display:
            raise SystemExit("There is no X display.")
        self.display = ctypes.c_void_p(display)
        self.root = Id(x11.XDefaultRootWindow(self.display))
        self.window = Id(x11.XCreateSimpleWindow(self.display, self.root, 0, 0, 1, 1, 0, Id(0), Id(0)))
        self.uris = "".join(f"{file.resolve().as_uri()}\r\n" for file in files).encode()
        x11.XSetSelectionOwner(self.display, Id(self.atom("XdndSelection")), self.window, Id(0))

    def atom(self, name: str) -> int:
        """The server's number of a word."""
        return int(self.x11.XInternAtom(self.display, name.encode(), 0))

    def find_target(self, parent: Id) -> int:
        """The first window below `parent` that takes drops."""
        for child in self._children(parent):
            if self._is_aware(child) or (child and self.find_target(Id(child))):
                return child if self._is_aware(child) else self.find_target(Id(child))
        return 0

    def _children(self, parent: Id) -> list[int]:
        root, above, found, n_found = Id(), Id(), ctypes.POINTER(Id)(), ctypes.c_uint()
        self.x11.XQueryTree(
            *(self.display, parent, ctypes.byref(root), ctypes.byref(above)),
            *(ctypes.byref(found), ctypes.byref(n_found)),
        )
        children = [int(found[index]) for index in range(n_found.value)]
        if children:
            self.x11.XFree(found)
        return children

    def _is_aware(self, window: int) -> bool:
        kind, form, n_items, n_left = Id(), ctypes.c_int(), Id(), Id()
        value = ctypes.c_void_p()
        self.x11.XGetWindowProperty(
            *(self.display, Id(window), Id(self.atom("XdndAware")), Long(0), Long(1), 0, Id(ANY_TYPE)),
            *(ctypes.byref(kind), ctypes.byref(form), ctypes.byref(n_items), ctypes.byref(n_left)),
            ctypes.byref(value),
        )
        if value:
            self.x11.XFree(value)
        return kind.value != 0

    def send(self, target: int, word: str, *data: int) -> None:
        """A message of the protocol to the target."""
        event = Event()
        event.client.type, event.client.window, event.client.format = CLIENT_MESSAGE, target, 32
        event.client.message_type = self.atom(word)
        event.client.data[:] = [self.window.value, *data, *[0] * (4 - len(data))]
        self.x11.XSendEvent(self.display, Id(target), 0, Long(0), ctypes.byref(event))
        self.x11.XFlush(self.display)

    def wait_for(self, word: str) -> ClientMessage:
        """The target's message of this name; meanwhile it gets the files when it asks for them."""
        end_s = time.monotonic() + LIMIT_S
        event = Event()
        while time.monotonic() < end_s:
            if not self.x11.XPending(self.display):
                time.sleep(0.01)
                continue
            self.x11.XNextEvent(self.display, ctypes.byref(event))
            if event.type == SELECTION_REQUEST:
                self._give(event.request)
            elif event.type == CLIENT_MESSAGE and event.client.message_type == self.atom(word):
                return event.client
        raise SystemExit(f"The window did not answer with {word} within {LIMIT_S:g} s.")

    def _give(self, asked: SelectionRequest) -> None:
        self.x11.XChangeProperty(
            *(self.display, Id(asked.requestor), Id(asked.property), Id(asked.target), 8, REPLACE),
            *(self.uris, len(self.uris)),
        )
        answer = Event()
        answer.notify.type, answer.notify.requestor = SELECTION_NOTIFY, asked.requestor
        answer.notify.selection, answer.notify.target = asked.selection, asked.target
        answer.notify.property, answer.notify.time = asked.property, asked.time
        self.x11.XSendEvent(self.display, Id(asked.requestor), 0, Long(0), ctypes.byref(answer))
        self.x11.XFlush(self.display)

    def drop(self, x: int, y: int) -> None:
        """Carries the files over the point and lets go."""
        target = self.find_target(self.root)
        if not target:
            raise SystemExit("No window takes drops.")
        copy = self.atom("XdndActionCopy")
        self.send(target, "XdndEnter", VERSION << 24, self.atom("text/uri-list"))
        for step in range(4):  # it arrives in small steps, as a hand does
            self.send(target, "XdndPosition", 0, (x << 16) | (y - 3 + step), 0, copy)
            self.wait_for("XdndStatus")
            time.sleep(0.05)
        self.send(target, "XdndDrop", 0, 0)
        self.wait_for("XdndFinished")


def main() -> None:
    """Drops the files that are named."""
    x, y, *files = sys.argv[1:]
    Source([Path(file) for file in files]).drop(int(x), int(y))


if __name__ == "__main__":
    main()

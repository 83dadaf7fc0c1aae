"""No bpy. The way to the engine, moved by `tick`: it finds or starts one, greets it, watches it, restarts it.

No call blocks. What goes wrong is told to the listener as a `Fault`, never raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from . import engine_process as processes
from .engine_options import EngineOptions
from .link import DENIED, GONE, OPENING, Link
from .protocol import address as addresses
from .protocol import messages as m
from .protocol.codec import ProtocolError
from .protocol.faults import Fault, fitted
from .protocol.names import WIRE_MAJOR, WIRE_MINOR
from .protocol.rules import Illegal, Record

STOPPED, STARTING, CONNECTING, READY = "stopped", "starting", "connecting", "ready"

_START_S = 60.0  # a slow disk with a virus scanner; half a second is usual
_GREETING_S = 10.0
_PING_S = 5.0
_SILENCE_S = 30.0  # an engine whose machine swaps answers late; longer than that it hangs
_LOOK_S = 1.0  # between looks for an engine that something else started
_CRASHES = 2  # within _CRASH_S: then it is not started again by itself
_CRASH_S = 120.0
_END_S = 3.0  # for an engine that does not answer to end by itself
_DYING_S = 0.5  # its connection is closed a moment before its process has ended
_STRIDE_S = 2.0  # a longer pause between two ticks says nothing about the engine: Blender was held
_TAKEN = "is already running with the data folder"  # how an engine says that another one was faster
_N_TAKEN = 30  # tries, a second apart, until an engine that is ending must have ended
_UNSEEN = "Copy the report to see why, choose another engine, or set the engine up again."


class Listener(Protocol):
    """Hears what becomes of the connection."""

    def fail(self, fault: Fault) -> None:
        """Something that the user must mend."""

    def notice(self, text: str) -> None:
        """Something that the user should know."""

    def note(self, line: str) -> None:
        """A line for the report."""

    def opened(self) -> None:
        """The engine answers, as if for the first time."""

    def has_work(self) -> bool:
        """Whether an engine that ends should be started again."""


class Connection:
    """To one engine at a time; `is_wanted` says whether one is to be started when none runs."""

    def __init__(self, options: Callable[[], EngineOptions], version: str, listener: Listener) -> None:
        """`options` is asked whenever an engine is sought; `version` is the add-on's."""
        self.phase = STOPPED
        self.is_wanted = False
        self.welcome: m.Welcome | None = None
        self._options = options
        self._version = version
        self._listener = listener
        self._link: Link | None = None
        self._process: processes.EngineProcess | None = None
        self._ending: processes.EngineProcess | None = None  # before it has ended, no other can start
        self._dead: addresses.Address | None = None  # nobody answered there
        self._look_s = self._since_s = self._heard_s = self._pinged_s = 0.0
        self._unanswered_s = 0.0  # the first ping since the engine was heard
        self._gone_s: float | None = None
        self._clock_s = self._ticked_s = 0.0  # seconds in which this was ticked: pauses do not count
        self._n_taken = 0
        self._crashes_s: deque[float] = deque(maxlen=_CRASHES)

    def start(self) -> None:
        """Wants an engine: the one that runs, or a new one."""
        self.is_wanted = True
        self._look_s = 0.0
        self._n_taken = 0

    def stop(self) -> None:
        """Ends the engine and wants none."""
        self.is_wanted = False
        self.say(m.Shutdown())
        self._dismiss()
        self._dead = self._link.address if self._link is not None else self._dead
        self._part(says_goodbye=True)
        self._enter(STOPPED)

    def close(self) -> None:
        """Leaves the engine to itself: one that we own ends when its last job is done."""
        self.say(m.Leave())
        if self.phase == STARTING:  # it would wait for somebody to come
            self._dismiss()
        self._part(says_goodbye=True)
        self._enter(STOPPED)

    def say(self, message: Record) -> None:
        """Sends, if an engine answers; raises ProtocolError for what it would not take."""
        if self._link is not None and self.phase == READY:
            self._link.send(message)

    def tick(self, now_s: float) -> list[Record]:
        """Does what is due and returns the messages that arrived; `now_s` is of the monotonic clock."""
        self._clock_s += min(max(now_s - self._ticked_s, 0.0), _STRIDE_S)
        self._ticked_s, now_s = now_s, self._clock_s
        if self.phase in (STOPPED, STARTING):
            self._seek(now_s)
        if self.phase == CONNECTING:
            self._greet(now_s)
            return []
        return self._attend(now_s) if self.phase == READY else []

    def finds_engine(self) -> bool:
        """Whether there is an engine to start; a choice counts, and `start` tells if it will not do."""
        options = self._options()
        try:
            processes.find_engine(chosen=options.chosen, home=options.home, environment=options.environment)
        except processes.EngineMissing:
            return options.has_choice
        return True

    @property
    def interval_s(self) -> float:
        """How soon `tick` has something to do, as far as the connection knows."""
        if self.phase == STOPPED and self._ending is None:
            return _LOOK_S
        return 0.5 if self.phase == READY else 0.05

    def _seek(self, now_s: float) -> None:
        """Attaches to an engine that says where it is; starts one if one is wanted and none does."""
        if self._ending is not None:
            if self._ending.poll() is None:
                return
            self._ending = None
        if self._process is not None and (ended := self._process.poll()) is not None:
            self._process = None
            if self.phase == STARTING:
                if _TAKEN in ended.message and self._n_taken < _N_TAKEN:
                    self._n_taken += 1
                    self._dead = None  # perhaps it only seemed so
                    self._enter(STOPPED)
                    self._look_s = now_s + (0.1 if addresses_in(self._options()) else _LOOK_S)
                    return
                self._give_up(f"The engine did not start. {ended.message}", ended.remedy, ended.tail)
                return
        if self.phase == STOPPED and now_s < self._look_s:
            return
        self._look_s = now_s + _LOOK_S
        options = self._options()
        address = addresses_in(options)
        if address is not None and address != self._dead:
            self._connect(address, now_s)
        elif self.phase == STARTING:
            if now_s - self._since_s > _START_S:
                self._give_up(f"The engine did not start within {_START_S:.0f} s.", _UNSEEN, "")
        elif self.is_wanted:
            self._launch(options, now_s)

    def _launch(self, options: EngineOptions, now_s: float) -> None:
        try:
            engine = processes.find_engine(
                chosen=options.chosen, home=options.home, environment=options.environment
            )
            self._process = processes.EngineProcess.start(
                engine,
                data=options.data,
                models=options.models,
                idle_s=options.idle_s,
                log=options.data / "logs" / "server.log",
            )
        except processes.EngineMissing as error:
            self.is_wanted = False
            action = "choose_folder" if options.has_choice else "update"
            message, remedy = fitted(error.message, 2000), fitted(error.remedy, 2000)
            self._listener.fail(Fault("unreachable", message, remedy, action))
            return
        self._listener.note(f"started the engine, process {self._process.pid}")
        self._enter(STARTING, now_s)

    def _connect(self, address: addresses.Address, now_s: float) -> None:
        self._part()
        client = f"Blender add-on {self._version}"
        try:
            hello = m.Hello((WIRE_MAJOR, WIRE_MINOR), address.token, client, True)
        except Illegal:  # no engine wrote such a token
            self._dead, self._look_s = address, 0.0
            return
        self._link = Link(address)
        self._link.send(hello)
        self._enter(CONNECTING, now_s)

    def _greet(self, now_s: float) -> None:
        """Waits for the engine's welcome."""
        assert self._link is not None
        link = self._link
        try:
            for message in link.receive():
                if isinstance(message, m.Welcome):
                    self._be_welcome(message, now_s)
                    return
                if isinstance(message, m.Refused):
                    self._turn_away(message.fault)
                    return
        except ProtocolError as error:
            self._turn_away(_another_language(error))
            return
        where = link.address.endpoint
        if link.state == DENIED:
            words = f"The engine at {where} refused the token."
            remedy = (
                "Stop that engine, or delete its file engine.json in the data folder, and start it again."
            )
            self._turn_away(Fault("refused", words, remedy, "restart_engine"))
        elif link.state == GONE:  # a dead engine left the file behind
            self._dead = link.address
            self._part()
            self._enter(STARTING if self._process is not None else STOPPED, now_s)
            self._look_s = 0.0
        elif now_s - self._since_s > _GREETING_S:
            words = f"Something answers at {where}, but not as a Maquette engine does."
            if link.state == OPENING:
                words = f"The engine at {where} does not answer."
            self._turn_away(Fault("unreachable", words, "Start the engine again.", "restart_engine"))

    def _be_welcome(self, welcome: m.Welcome, now_s: float) -> None:
        self.welcome, self._dead, self._gone_s, self._n_taken = welcome, None, None, 0
        self._heard_s = self._pinged_s = self._unanswered_s = now_s
        self._listener.note(f"welcomed by engine {welcome.engine} on {welcome.device.name}")
        self._enter(READY, now_s)
        self._listener.opened()

    def _turn_away(self, fault: Fault) -> None:
        """Gives up this engine until the user does something."""
        self._dead = self._link.address if self._link is not None else None
        self.is_wanted = False
        self._part()
        self._enter(STOPPED)
        self._listener.fail(fault)

    def _attend(self, now_s: float) -> list[Record]:
        assert self._link is not None
        link = self._link
        heard: list[Record] = []
        try:
            for message in link.receive():
                self._heard_s = now_s
                if isinstance(message, m.Closing):
                    self._end(message.reason)
                    return heard
                heard.append(message)
        except ProtocolError as error:
            self._turn_away(_another_language(error))
            return heard
        if link.state in (GONE, DENIED):
            self._gone_s = now_s if self._gone_s is None else self._gone_s
            is_over = self._process is None or self._process.poll() is not None
            if is_over or now_s - self._gone_s > _DYING_S:
                self._lose("The engine stopped unexpectedly.", now_s)
        elif self._heard_s < self._unanswered_s < now_s - _SILENCE_S:
            self._lose("The engine stopped answering.", now_s)
        else:
            link.flush()
            if now_s - self._pinged_s > _PING_S:
                if self._heard_s >= self._unanswered_s:
                    self._unanswered_s = now_s
                self._pinged_s = now_s
                link.send(m.Ping())
        return heard

    def _end(self, reason: str) -> None:
        """The engine said that it ends: what it holds is on its disk."""
        self._listener.note(f"the engine ended: {reason}")
        self._dismiss()
        self._dead = self._link.address if self._link is not None else None
        self._part()
        self._enter(STOPPED)
        self.is_wanted = self.is_wanted and self._listener.has_work()
        if self.is_wanted:
            self._look_s = 0.0
            self._listener.notice(
                "The engine was ended from outside. It is being started again; your jobs go on."
            )

    def _lose(self, what: str, now_s: float) -> None:
        """The engine is gone without a word: it is started again, unless that keeps happening."""
        ended = self._process.poll() if self._process is not None else None
        if ended is not None and _TAKEN in ended.message:
            ended = None  # ours came too late: the engine that is gone was another one
        if self._process is not None:
            self._dismiss(_END_S)
        tail = ended.tail if ended is not None else ""
        cause = what if ended is None else f"{what} {ended.message}"
        self._dead = self._link.address if self._link is not None else None
        self._part()
        self._enter(STOPPED)
        self._listener.note(f"{cause}\n{tail}".rstrip())
        is_often = len(self._crashes_s) == _CRASHES and now_s - self._crashes_s[0] < _CRASH_S
        self._crashes_s.append(now_s)
        if is_often:
            self._crashes_s.clear()
            self.is_wanted = False
            remedy = "Start it again. If that keeps happening, copy the report and send it to us."
            message = fitted(f"{cause} It happened several times.", 2000)
            self._listener.fail(
                Fault("unreachable", message, remedy, "restart_engine", "", fitted(tail, 20_000))
            )
            return
        self.is_wanted = True
        self._look_s = 0.0
        goes_on = " It is being started again; your jobs go on."
        self._listener.notice(
            cause + (goes_on if self._listener.has_work() else " It is being started again.")
        )

    def _give_up(self, message: str, remedy: str, tail: str) -> None:
        """The engine that was started does not come."""
        self._dismiss()
        self.is_wanted = False
        self._enter(STOPPED)
        words = fitted(message, 2000), fitted(remedy, 2000)
        self._listener.fail(Fault("unreachable", *words, "start_engine", "", fitted(tail, 20_000)))

    def _enter(self, phase: str, now_s: float = 0.0) -> None:
        self.phase, self._since_s = phase, now_s
        if phase != READY:
            self.welcome = None

    def _part(self, *, says_goodbye: bool = False) -> None:
        if self._link is not None:
            self._link.close(says_goodbye=says_goodbye)
            self._link = None

    def _dismiss(self, patience_s: float = 5.0) -> None:
        """Tells the engine that was started to end; `_seek` sees that it does."""
        if self._process is not None:
            self._process.end(patience_s)
            self._ending, self._process = self._process, None


def addresses_in(options: EngineOptions) -> addresses.Address | None:
    """Where the engine of the data folder says that it listens, None if none does."""
    try:
        return addresses.address_from((options.data / addresses.FILE_NAME).read_bytes())
    except (OSError, ValueError):  # no engine runs there, or its file is damaged: a new one writes it anew
        return None


def _another_language(error: ProtocolError) -> Fault:
    message = fitted(f"The engine speaks another language ({error}).", 2000)
    remedy = "Set the engine up again, so that it and the add-on are of one version."
    return Fault("refused", message, remedy, "update")

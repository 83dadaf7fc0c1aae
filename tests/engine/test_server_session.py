"""What clients can rely on: greeting, refusal, orders and answers, over real sockets."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from running_server import RawPeer, client, options, picture, request, served

from engine.client import EngineClient, EngineFault
from engine.errors import BadInput, BadRequest, Unreachable
from engine.link.address import Address, read_address, write_address
from engine.server.serve import Server
from protocol import messages as m
from protocol.requests import CutoutRequest
from protocol.rules import Record
from protocol.track import JobView


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not end it."""
    with served(tmp_path_factory.mktemp("session")) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """The shared server without the jobs of other tests."""
    yield shared
    with client(shared) as engine:
        for summary in engine.jobs():
            engine.cancel(summary.job)
            for _ in engine.follow(engine.view(summary.job)):
                pass
            engine.discard(summary.job)


def test_welcome_lists_what_may_be_asked_for(server: Server) -> None:
    with client(server) as engine:
        names = [backend.name for backend in engine.welcome.backends if backend.is_available]
        assert "silhouette" in names
        assert engine.welcome.presets[0].name == "auto"
        assert engine.status().worker == "absent"
        engine.ping()


def test_a_job_is_done_and_its_result_taken(server: Server) -> None:
    with client(server) as engine:
        job = engine.submit(request("quick 5000"))
        states = [event.state for _, event in engine.follow(JobView(job)) if isinstance(event, m.JobChanged)]
        assert states == ["running", "done"]
        made = engine.take(job)
        assert isinstance(made, m.Result)
        assert made.images[0].image.data.n_bytes == 5000
        assert engine.take(job) == made
        assert engine.view(job).state == "taken"
        engine.discard(job)
        assert engine.jobs() == ()


def test_a_cutout_is_a_job_with_another_result(server: Server) -> None:
    with client(server) as engine:
        job = engine.submit(CutoutRequest(picture("a")))
        assert [view.state for view, _ in engine.follow(JobView(job))][-1] == "done"
        assert isinstance(engine.take(job), m.CutoutReady)


def test_a_job_submitted_twice_is_one_job(server: Server) -> None:
    with client(server) as one, client(server) as other:
        assert one.submit(request("slow"), "my-job") == other.submit(request("slow"), "my-job")
        assert len(one.jobs()) == 1
        one.cancel("my-job")


def test_every_client_hears_of_every_job(server: Server) -> None:
    with client(server) as one, client(server) as other:
        job = one.submit(request())
        assert [view for view, _ in other.follow(JobView(job))][-1].state == "done"
        assert isinstance(other.take(job), m.Result)


def test_a_client_that_comes_back_finds_its_result(server: Server) -> None:
    with client(server) as engine:
        job = engine.submit(request())
    with client(server) as engine:
        for view, _ in engine.follow(engine.view(job)):
            assert view.job == job
        assert isinstance(engine.take(job), m.Result)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request(backend="trellis"), "trellis"),
        (request(settings=(("shape.colour", "1"),)), "There is no setting 'shape.colour'"),
        (request(settings=(("shape.depth", "9"),)), "shape.depth is 9"),
        (request(faces=4), "clean.faces is 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_rejected_at_once(server: Server, asked: m.Message, words: str) -> None:
    with client(server) as engine:
        with pytest.raises(EngineFault, match=words) as caught:
            engine.submit(asked)  # type: ignore[arg-type]
        assert caught.value.fault.code == "bad_request"
        assert engine.jobs() == ()


def test_orders_about_unknown_or_unready_jobs_are_rejected(server: Server) -> None:
    with client(server) as engine, RawPeer(server.address) as peer:
        peer.say(m.Hello((1, 0), server.address.token, "raw", False))
        assert isinstance(peer.hear(), m.Welcome)
        for order in (m.Take("no-job"), m.Cancel("no-job"), m.Retry("no-job"), m.Discard("no-job")):
            peer.say(order)
            answer = peer.hear()
            assert isinstance(answer, m.Rejected)
            assert (answer.job, answer.fault.code) == ("no-job", "bad_request")
        job = engine.submit(request("slow"))
        for order in (m.Take(job), m.Retry(job), m.Discard(job)):
            with pytest.raises(EngineFault, match=job):
                engine._ask(order, m.Pong)
        engine.cancel(job)


def test_a_wrong_token_at_the_door_is_told_apart(server: Server) -> None:
    with pytest.raises(EngineFault, match="refused the token") as caught:
        client(replace(server.address, token="wrong"))
    assert caught.value.fault.exit_code == 5
    with client(server) as engine:
        engine.ping()


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (m.Hello((1, 0), "wrong", "raw", False), "The token is wrong"),
        (m.Hello((2, 0), "right", "raw", False), "speaks version 1.1 of the wire, raw speaks 2.0"),
        (m.Ping(), "no Hello"),
    ],
)
def test_a_stranger_gets_one_refusal_and_no_more(server: Server, first: Record, words: str) -> None:
    with RawPeer(server.address) as peer:
        if isinstance(first, m.Hello) and first.token == "right":
            first = replace(first, token=server.address.token)
        peer.say(first)
        answer = peer.hear()
        assert isinstance(answer, m.Refused)
        assert words in answer.fault.message
        peer.say(m.Hello((1, 0), server.address.token, "raw", False))
        peer.say(m.Ping())
        assert peer.hear(0.3) is None


def test_a_newer_minor_version_is_welcome(server: Server) -> None:
    with RawPeer(server.address) as peer:
        peer.say(m.Hello((1, 7), server.address.token, "raw", False))
        assert isinstance(peer.hear(), m.Welcome)


def test_no_engine_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="No engine is running") as caught:
        EngineClient.find(tmp_path)
    assert "maquette serve" in caught.value.remedy
    gone = Address("tcp://127.0.0.1:9", 9, "t", 1, (1, 0), "0")
    write_address(tmp_path, gone)
    assert read_address(tmp_path) == gone
    with pytest.raises(Unreachable, match="No engine answers"):
        EngineClient.find(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"endpoint": 5}', '{"endpoint": "ipc:///x", "token": "t"}']
)
def test_a_broken_connection_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine.json").write_text(text)
    with pytest.raises(BadInput, match="no connection file"):
        EngineClient.find(tmp_path)


def test_the_connection_file_is_private_and_goes_with_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "data" / "engine.json"
    with served(tmp_path) as server:
        fields = json.loads(path.read_bytes())
        assert fields["token"] == server.address.token not in repr(server.address)
        assert (fields["endpoint"], fields["wire"]) == (server.address.endpoint, [1, 1])
        if sys.platform != "win32":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["jobs"]


def test_two_engines_do_not_share_a_data_folder(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        with pytest.raises(BadRequest, match="already running"):
            Server(options(tmp_path))
        assert read_address(tmp_path / "data") == server.address
        with served(tmp_path / "고양이 other") as second, client(second) as engine:
            engine.ping()


def test_a_stale_connection_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_address(tmp_path / "data", Address("tcp://127.0.0.1:9", 9, "t", 2**22, (1, 0), "0"))
    with served(tmp_path) as server:
        assert read_address(tmp_path / "data") == server.address


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with served(tmp_path / "a") as server:
        with pytest.raises(BadRequest, match=f"cannot listen on port {server.address.port}"):
            Server(options(tmp_path / "b", port=server.address.port))
        assert list((tmp_path / "b" / "data").iterdir()) == []


def test_a_remote_engine_needs_the_client_s_key_and_the_token(tmp_path: Path) -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    with served(tmp_path, is_remote=True) as server:
        with client(server) as engine:
            assert isinstance(engine.run(request(), _Silent()), m.Result)
        with pytest.raises(EngineFault, match="refused"):
            client(replace(server.address, client_public_key=public, client_secret_key=secret))
        with pytest.raises(EngineFault, match="The token is wrong"):
            client(replace(server.address, token="wrong"))
        with pytest.raises((EngineFault, Unreachable)):
            client(replace(server.address, server_key="", client_public_key="", client_secret_key=""))


def test_shutdown_says_goodbye_to_all(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as one, client(server) as other:
        one.shutdown()
        with pytest.raises(Unreachable, match="The engine ended: The engine was told to end"):
            other.ping()


def test_pictures_beyond_the_engine_s_limit_are_told_before_they_are_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import client as module

    monkeypatch.setattr(module, "FROM_CLIENT", replace(module.FROM_CLIENT, max_frame_bytes=1000))
    with client(server) as engine:
        with pytest.raises(BadInput, match="too large for the engine: frame 1: has 1001 bytes"):
            engine.submit(replace(request(), pictures=(picture("quick", 1001),)))
        engine.ping()


class _Silent:
    """Listens to a job and says nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *told: None

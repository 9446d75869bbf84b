"""The Redis client in a failover behind an address that leads to the new master, and with a user of few rights."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from cli.redis_check import check_redis
from local.private_redis import PrivateRedis
from local.stack import HOST, free_port
from local.supervisor import Supervisor
from shared.errors import SettingsError
from shared.redis_client import check_server, make_redis
from shared.settings import Settings, load_settings
from tests.api.clients import client_of
from tests.helpers import as_user, eventually


class VirtualAddress:
    """An address whose new connections lead to one of several servers. Open connections stay where they are."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError), self._listener:
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self.leads_to))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source:
        try:
            while data := source.recv(2**16):
                target.sendall(data)
        finally:
            target.shutdown(socket.SHUT_RDWR)


class Pair:
    """A master and a replica behind one address."""

    def __init__(self, master: PrivateRedis, replica: PrivateRedis) -> None:
        self._ports = master.port, replica.port
        self._clients = [redis.Redis.from_url(server.url) for server in (master, replica)]
        for server, client in zip((master, replica), self._clients, strict=True):
            eventually(server.answers)
            client.config_set("masterauth", master.password)
        self._clients[1].replicaof(HOST, master.port)
        eventually(lambda: self._clients[1].info("replication")["master_link_status"] == "up")
        self.address = VirtualAddress(master.port)
        self.settings = load_settings({"WRITING_REDIS__URL": replace(master, port=self.address.port).url})

    def fail_over(self) -> None:
        self._clients[1].replicaof("NO", "ONE")
        self._clients[0].replicaof(HOST, self._ports[1])
        self.address.leads_to = self._ports[1]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    supervisor = Supervisor(tmp_path)
    master = PrivateRedis(HOST, free_port())
    replica = replace(master, port=free_port())
    for server in (master, replica):
        program = server.program(tmp_path / str(server.port))
        # A replica that becomes the master would write its first append-only file, and not end meanwhile.
        supervisor.start(replace(program, command=[*program.command, "--appendonly", "no"]))
    found = Pair(master, replica)
    yield found
    found.address.close()
    supervisor.end()


def command(settings: Settings) -> Callable[[], object]:
    client = make_redis(settings.redis)
    return lambda: client.set("key", "value")


def script(settings: Settings) -> Callable[[], object]:
    written = make_redis(settings.redis).register_script("return redis.call('SET', KEYS[1], 'value')")
    return lambda: written(keys=["key"])


def transaction(settings: Settings) -> Callable[[], object]:
    client = make_redis(settings.redis)

    def execute() -> object:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.get("key")
            pipeline.eval("return redis.call('SET', KEYS[1], 'value')", 1, "key")
            return pipeline.execute()

    return execute


def submission(settings: Settings) -> Callable[[], object]:
    """A job, which the rate limit counts, whose record is written, and which is sent to the workers."""
    client = client_of(settings, rate_limit="60/minute")

    def submit() -> None:
        answer = client.post("/api/writing/generate-writing-image", json={"word": "山"})
        assert answer.status_code == 202, answer.json

    return submit


@pytest.mark.parametrize("make_write", [command, script, transaction, submission])
def test_a_write_after_a_failover_reaches_the_new_master(
    pair: Pair, make_write: Callable[[Settings], Callable[[], object]]
) -> None:
    """The connection to the earlier master is healthy, but refuses to write."""
    write = make_write(pair.settings)
    write()
    pair.fail_over()
    write()


@pytest.mark.parametrize(
    ("missing", "refusal"),
    [
        ([], None),
        (["resetchannels"], "channel"),
        (["-@scripting"], "eval"),
        (["-evalsha"], "evalsha"),
        (["-info"], "info"),
    ],
)
def test_a_user_without_a_right_is_refused_at_the_start(
    settings: Settings, missing: list[str], refusal: str | None
) -> None:
    with redis.Redis.from_url(settings.redis.url) as client:
        client.execute_command("ACL", "SETUSER", "u", "on", ">pw", "~*", "&*", "+@all", *missing)
        of_user = make_redis(load_settings({"WRITING_REDIS__URL": as_user(settings.redis.url, "u", "pw")}).redis)
        expected = nullcontext() if refusal is None else pytest.raises(SettingsError, match=rf"{refusal}.*needs &\*")
        try:
            with expected:
                check_server(of_user)
        finally:
            client.acl_deluser("u")


@pytest.fixture
def bare_redis(tmp_path: Path) -> Iterator[str]:
    """A Redis with one database and without scripts; its address."""
    server = PrivateRedis(HOST, free_port())
    program = server.program(tmp_path)
    supervisor = Supervisor(tmp_path)
    supervisor.start(
        replace(program, command=[*program.command, "--databases", "1", "--rename-command", "EVALSHA", "RENAMED"])
    )
    eventually(server.answers)
    yield server.url
    supervisor.end()


@pytest.mark.parametrize(("database", "fault"), [(0, "unknown command .EVALSHA"), (1, "DB index is out of range")])
def test_a_redis_that_lacks_a_command_or_the_database_is_refused_at_the_start(
    bare_redis: str, database: int, fault: str
) -> None:
    settings = load_settings({"WRITING_REDIS__URL": bare_redis.removesuffix("0") + str(database)})
    with pytest.raises(SettingsError, match=rf"redis.url: {fault}.*; (the service needs|give a lower number)"):
        check_server(make_redis(settings.redis))
    (finding,) = check_redis(settings)
    assert "refuses a command" in finding.text
    assert finding.advice.startswith(("the service needs", "give a lower number"))


@pytest.mark.parametrize(("policy", "warns"), [("noeviction", False), ("allkeys-lru", True), ("volatile-ttl", True)])
def test_a_redis_that_would_drop_jobs_is_named_at_the_start(
    settings: Settings, client: redis.Redis, caplog: pytest.LogCaptureFixture, policy: str, *, warns: bool
) -> None:
    client.config_set("maxmemory-policy", policy)
    try:
        check_server(make_redis(settings.redis))
    finally:
        client.config_set("maxmemory-policy", "noeviction")
    assert (f"instead of {policy}" in caplog.text) == warns

"""Redis behind TLS: all our clients use it, and none accepts an untrusted certificate."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from api.app import create_app
from cli.finding import Level
from cli.redis_check import check_redis
from local.stack import free_port
from local.supervisor import Program, Supervisor
from shared.celery_app import make_celery, send_job
from shared.errors import SettingsError
from shared.redis_client import make_redis
from shared.settings import Settings, load_settings
from shared.tls import check_tls, tls_options
from tests.helpers import Api, answers, eventually
from tests.tls import Authority, tls_in_front

URL = "/api/writing/generate-writing-image"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tls_url(redis_url: str, authority: Authority) -> Iterator[str]:
    redis.Redis.from_url(redis_url).flushdb()
    with tls_in_front(redis_url, authority.server_context("127.0.0.1")) as url:
        yield url


def environment_of(url: str, ca: Path | None, **more: str) -> dict[str, str]:
    files = {} if ca is None else {"WRITING_REDIS__CA_FILE": str(ca)}
    return {"WRITING_REDIS__URL": url, **files, **more}


@pytest.fixture
def trusted(tls_url: str, authority: Authority) -> Settings:
    return load_settings(environment_of(tls_url, authority.file, WRITING_API__RATE_LIMIT="2/minute"))


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_records_messages_results_and_limits_go_through_tls(trusted: Settings) -> None:
    client = make_redis(trusted.redis)
    assert client.ping()
    app = make_celery(trusted)
    send_job(app, "a", "bulk")
    assert client.llen("bulk") == 1
    app.backend.client.set("through the result backend", 1)
    assert client.get("through the result backend") == "1"
    page = create_app(trusted).test_client()
    assert [page.post(URL, json={"word": "火"}).status_code for _ in range(3)] == [202, 202, 429]
    assert next(finding.level for finding in check_redis(trusted)) is Level.OK


@pytest.mark.slow
def test_a_whole_service_works_through_tls(tmp_path: Path, tls_url: str, authority: Authority) -> None:
    """With real processes, including Flower."""
    ports = free_port(), free_port()
    environment = environment_of(tls_url, authority.file, WRITING_API__PORT=str(ports[0]))
    supervisor = Supervisor(tmp_path)
    flower = ["-m", "celery", "-A", "shared.celery_command_line", "flower", "--address=127.0.0.1", f"--port={ports[1]}"]
    try:
        for name, arguments in (("api", ["-m", "cli", "api"]), ("worker", ["-m", "cli", "worker"]), ("flower", flower)):
            supervisor.start(Program(name, [sys.executable, *arguments], environment))
        api = Api(f"http://127.0.0.1:{ports[0]}")
        eventually(lambda: answers(api.url) and api.get("/health/ready").ok, 120)
        assert api.draw(word="火", num_inference_steps=1)["success"]
        flower_page = Api(f"http://127.0.0.1:{ports[1]}")
        eventually(lambda: "bulk" in flower_page.get("/broker").text)
    finally:
        supervisor.end()
    log = (tmp_path / "worker.log").read_text() + (tmp_path / "flower.log").read_text()
    assert "insecure" not in log
    assert "CERT_NONE" not in log


@pytest.mark.parametrize(
    "fault", ["unknown CA", *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("other name", "no TLS"))]
)
@pytest.mark.parametrize("program", ["api", pytest.param("worker", marks=pytest.mark.slow)])
def test_an_untrusted_redis_stops_the_start_with_plain_words(
    redis_url: str, authority: Authority, fault: str, program: str
) -> None:
    names = ("redis.example",) if fault == "other name" else ("127.0.0.1",)
    ca = None if fault == "unknown CA" else authority.file
    with tls_in_front(redis_url, authority.server_context(*names)) as url:
        address = redis_url.replace("redis://", "rediss://") if fault == "no TLS" else url
        done = run(program, environment_of(address, ca, WRITING_API__PORT=str(free_port())))
        (finding,) = check_redis(load_settings(environment_of(address, ca)))
    assert done.returncode == os.EX_CONFIG, done.stderr
    assert "Traceback" not in done.stderr
    expected = "does not use TLS" if fault == "no TLS" else "not trusted"
    assert expected in done.stderr
    assert finding.level is Level.FAIL
    assert expected in finding.text
    if fault == "unknown CA":
        assert "redis.ca_file" in done.stderr


def test_an_address_without_tls_of_a_redis_with_it_is_refused(redis_url: str, authority: Authority) -> None:
    """The service would wait for a Redis that it takes for away."""
    with tls_in_front(redis_url, authority.server_context("redis.example")) as url:
        settings = load_settings({"WRITING_REDIS__URL": url.replace("rediss://", "redis://")})
        with pytest.raises(SettingsError, match=r"uses TLS; give its address as rediss://"):
            check_tls(settings.redis)


@pytest.mark.parametrize("ca", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_no_client_of_ours_sends_anything_to_a_redis_that_is_not_trusted(
    redis_url: str, authority: Authority, ca: bool
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    context = authority.server_context("redis.example" if ca else "127.0.0.1")
    with tls_in_front(redis_url, context) as url:
        settings = load_settings(environment_of(url, authority.file if ca else None, WRITING_API__RATE_LIMIT="1/day"))
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            make_redis(settings.redis).ping()
        app = make_celery(settings)
        with app.connection_for_write() as connection, pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            connection.default_channel.client.ping()
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            app.backend.client.ping()
        assert create_app(settings).test_client().post(URL, json={"word": "火"}).status_code == 503
    assert redis.Redis.from_url(redis_url).dbsize() == 0


def test_a_redis_that_asks_for_our_certificate_gets_it(redis_url: str, authority: Authority) -> None:
    certificate, key = authority.client_files()
    with tls_in_front(redis_url, authority.server_context("127.0.0.1", wants_client=True)) as url:
        without = load_settings(environment_of(url, authority.file))
        with pytest.raises(SettingsError, match=r"redis\.cert_file"):
            check_tls(without.redis)
        files = {"WRITING_REDIS__CERT_FILE": str(certificate), "WRITING_REDIS__KEY_FILE": str(key)}
        settings = load_settings(environment_of(url, authority.file, **files))
        check_tls(settings.redis)
        assert make_redis(settings.redis).ping()
        assert make_celery(settings).backend.client.ping()


@pytest.mark.parametrize(
    "query",
    ["ssl_cert_reqs=none", "ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs=optional", "ssl_cert_reqs=",
     "ssl_check_hostname=false",
     "ssl_ca_certs=/ca.pem", "ssl_cert_reqs=required&ssl_cert_reqs=none",
     "ssl=false", "SSL_CERT_REQS=none"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_an_address_cannot_switch_verification_off(scheme: str, query: str) -> None:
    with pytest.raises(SettingsError, match=r"redis\.url.*remove (?i:ssl)"):
        load_settings({"WRITING_REDIS__URL": f"{scheme}://cache.example:6379/0?{query}"})


@pytest.mark.parametrize("word", ["required", "CERT_REQUIRED"])
def test_an_address_may_say_what_holds_anyway(word: str) -> None:
    settings = load_settings({"WRITING_REDIS__URL": f"rediss://:p%40ss@cache.example:6379/0?ssl_cert_reqs={word}"})
    assert settings.redis.url == "rediss://:p%40ss@cache.example:6379/0"
    assert tls_options(settings.redis) == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


def test_files_without_tls_are_a_mistake(authority: Authority) -> None:
    with pytest.raises(SettingsError, match="rediss://"):
        load_settings(environment_of("redis://cache.example/0", authority.file))
    with pytest.raises(SettingsError, match=r"without redis\.cert_file"):
        load_settings(environment_of("rediss://cache.example/0", None, WRITING_REDIS__KEY_FILE="key.pem"))
    for url in (
        "REDISS://cache.example",
        "cache.example:6379",
        "http://cache.example",
        "rediss://cache:port",
        "redis://cache:0",
        "",
    ):
        with pytest.raises(SettingsError, match=r"redis\.url"):
            load_settings({"WRITING_REDIS__URL": url})


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_ca_file_that_holds_none_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=r"redis\.ca_file: .*ca\.pem"):
        check_tls(load_settings(environment_of("rediss://127.0.0.1:1/0", file)).redis)


def test_a_redis_that_is_away_does_not_stop_the_start(authority: Authority) -> None:
    check_tls(load_settings(environment_of(f"rediss://127.0.0.1:{free_port()}/0", authority.file)).redis)
    check_tls(load_settings({"WRITING_REDIS__URL": f"redis://127.0.0.1:{free_port()}/0"}).redis)

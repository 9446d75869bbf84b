"""The findings of `writing-service doctor`."""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import redis
import torch

from cli.doctor import check_api, check_disk, check_fonts, check_forest, check_models, check_recognisers
from cli.exit_codes import FAILED, USAGE
from cli.finding import Finding, Level
from cli.gpu_check import check_gpu, check_torch
from cli.main import main
from cli.redis_check import check_redis
from cli.store_check import check_store
from local.private_redis import PrivateRedis
from local.stack import HOST, free_port
from local.supervisor import Supervisor
from shared.schemas import WorkerState
from shared.settings import Settings, load_settings
from tests.client.scripted import STATUS, Answer, Scripted, refused
from tests.helpers import as_user, eventually
from tests.results import Publisher, at
from tests.shared.test_workers import info
from worker.conditioning.structured_forest import load_forest
from writing_client import WritingClient

LOADING = info("a@host", WorkerState.LOADING).model_dump(mode="json")


def levels(findings: Iterator[Finding]) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in findings}


class TestDoctor:
    def test_a_redis_that_keeps_the_queue_is_ok(self, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.config_set("maxmemory", "1gb")
            try:
                found = levels(check_redis(settings))
            finally:
                client.config_set("maxmemory", 0)
        assert found == dict.fromkeys(("Redis", "Redis eviction", "Redis memory", "Redis AOF"), Level.OK)

    @pytest.mark.parametrize(
        ("variables", "level"),
        [
            ({}, Level.WARN),
            ({"WRITING_RESULTS__BUDGET_BYTES": "1000000"}, Level.OK),
            ({"WRITING_RESULTS__STORE": "file:///srv/pictures"}, Level.OK),
        ],
    )
    def test_a_redis_without_a_limit_may_be_filled_by_pictures(
        self, settings: Settings, variables: dict[str, str], level: Level
    ) -> None:
        found = levels(check_redis(load_settings({"WRITING_REDIS__URL": settings.redis.url, **variables})))
        assert found["Redis memory"] is level

    @pytest.mark.parametrize(
        ("refuse", "accept"),
        [(("min-replicas-to-write", 1), ("min-replicas-to-write", 0)), (("maxmemory", 1), ("maxmemory", 0))],
    )
    def test_a_redis_that_refuses_writes_fails(
        self, settings: Settings, refuse: tuple[str, int], accept: tuple[str, int]
    ) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.config_set(*refuse)
            try:
                (finding,) = check_redis(settings)
            finally:
                client.config_set(*accept)
        assert finding.level is Level.FAIL
        assert "refuses a command" in finding.text

    def test_a_user_without_info_fails_with_the_command(self, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.acl_setuser(
                "w", enabled=True, passwords="+pw", keys="*", channels="*", commands=["+@all", "-@dangerous"]
            )
            try:
                url = as_user(settings.redis.url, "w", "pw")
                (finding,) = check_redis(load_settings({"WRITING_REDIS__URL": url}))
                client.acl_setuser("w", enabled=True, commands=["+info"])
                assert Level.FAIL not in levels(check_redis(load_settings({"WRITING_REDIS__URL": url}))).values()
            finally:
                client.acl_deluser("w")
        assert finding.level is Level.FAIL
        assert "info" in finding.text

    @pytest.mark.parametrize(
        ("password", "missing", "advice"),
        [("wrong", [], "user and password"), ("pw", ["resetchannels"], "&*"), ("pw", ["-@scripting"], "+@all")],
    )
    def test_a_user_who_cannot_do_all_fails_with_the_advice(
        self, settings: Settings, password: str, missing: list[str], advice: str
    ) -> None:
        url = as_user(settings.redis.url, "w", password)
        with redis.Redis.from_url(settings.redis.url) as client:
            client.execute_command("ACL", "SETUSER", "w", "on", ">pw", "~*", "&*", "+@all", *missing)
            try:
                (finding,) = check_redis(load_settings({"WRITING_REDIS__URL": url}))
            finally:
                client.acl_deluser("w")
        assert finding.level is Level.FAIL
        assert advice in finding.advice

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (["--cluster-enabled", "yes"], "Redis Cluster"),
            (["--sentinel"], "a Sentinel"),
            (["--replicaof", HOST, "1"], "refuses a command: .*replica"),
        ],
    )
    def test_a_redis_that_is_no_single_master_fails(self, tmp_path: Path, options: list[str], text: str) -> None:
        port = next(port for port in iter(free_port, None) if port < 2**16 - 10_000)  # the nodes' is 10,000 higher
        server = PrivateRedis(HOST, port)
        program = server.program(tmp_path)
        supervisor = Supervisor(tmp_path)
        supervisor.start(replace(program, command=[*program.command, *options]))
        try:
            found = lambda: list(check_redis(load_settings({"WRITING_REDIS__URL": server.url})))  # noqa: E731
            eventually(lambda: "does not answer" not in found()[0].text)
            (finding,) = found()
        finally:
            supervisor.end()
        assert finding.level is Level.FAIL
        assert re.search(text, finding.text)

    def test_a_store_that_can_be_written_is_ok(self, tmp_path: Path) -> None:
        (finding,) = check_store(load_settings({"WRITING_RESULTS__STORE": f"file://{tmp_path}/pictures"}))
        assert finding.level is Level.OK
        assert not any((tmp_path / "pictures").iterdir()), "nothing is left"

    def test_a_store_without_the_newest_picture_fails(self, settings: Settings, tmp_path: Path) -> None:
        """As with a shared folder that is mounted on one machine only."""
        there, elsewhere = (at(settings, f"file://{tmp_path}/{name}") for name in ("there", "elsewhere"))
        Publisher(there).publish(1)
        for where, level in ((there, Level.OK), (elsewhere, Level.FAIL)):
            (finding,) = check_store(where)
            assert finding.level is level
        assert "is results.store the same for the API and every worker?" in finding.text

    @pytest.mark.parametrize("address", ["s3://no-such-bucket/x", "file:///proc/nope"])
    def test_a_store_that_cannot_be_used_fails(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        (finding,) = check_store(load_settings({"WRITING_RESULTS__STORE": address}))
        assert (finding.level, finding.subject) == (Level.FAIL, "results.store")

    def test_pictures_in_redis_need_no_store(self) -> None:
        assert list(check_store(load_settings({}))) == []

    @pytest.mark.parametrize(("device", "level"), [("auto", Level.WARN), ("cuda", Level.FAIL)])
    def test_a_torch_that_cannot_use_the_gpu_is_told(self, device: str, level: Level) -> None:
        (finding,) = check_torch(load_settings({"WRITING_DEVICE": device}))
        assert finding.level is (Level.OK if torch.cuda.is_available() else level)

    def test_a_redis_that_forgets_is_told_apart(self, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("appendonly", "no")
            try:
                findings = list(check_redis(settings))
            finally:
                client.config_set("maxmemory-policy", "noeviction")
                client.config_set("appendonly", "yes")
        assert levels(iter(findings)) == {
            "Redis": Level.OK, "Redis eviction": Level.FAIL, "Redis memory": Level.WARN, "Redis AOF": Level.WARN,
        }  # fmt: skip
        assert all(finding.advice.startswith("CONFIG SET") for finding in findings[1:])

    def test_no_redis_fails_and_its_password_stays_secret(self) -> None:
        url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
        (finding,) = check_redis(load_settings({"WRITING_REDIS__URL": url}))
        assert finding.level is Level.FAIL
        assert "hunter2" not in str(finding)
        assert "WRITING_REDIS__URL" in finding.advice

    def test_the_model_in_the_repository_is_complete_and_those_of_the_hub_are_not_here(
        self, no_hub_cache: None
    ) -> None:
        assert levels(check_models(load_settings({}))) == {
            "models.embedded.base": Level.OK,
            "conditioning.depth_model": Level.WARN,
            "conditioning.segmentation_model": Level.WARN,
        }

    def test_sdxl_without_its_files_says_how_to_get_them(self, no_hub_cache: None) -> None:
        findings = list(check_models(load_settings({"WRITING_MODEL": "sdxl"})))
        assert [finding.level for finding in findings[:3]] == [Level.FAIL] * 3
        assert findings[0].advice == "writing-service models fetch --model sdxl"

    def test_a_folder_that_lacks_files_says_to_copy_it_again(self, tmp_path: Path) -> None:
        finding = next(check_models(load_settings({"WRITING_MODELS__EMBEDDED__BASE": str(tmp_path)})))
        assert (finding.level, finding.subject) == (Level.FAIL, "models.embedded.base")
        assert "copy the folder again" in finding.advice

    def test_a_missing_font_fails(self) -> None:
        (finding,) = check_fonts(load_settings({"WRITING_FONTS": '["no/such.ttf"]'}))
        assert (finding.level, "no/such.ttf" in finding.text) == (Level.FAIL, True)

    def test_a_machine_without_room_for_temporary_files_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", None)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            finding = next(check_disk(load_settings({})))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert finding.level is Level.FAIL
        assert "TMPDIR" in finding.advice

    def test_a_cache_that_is_closed_to_this_user_ends_no_check(self, tmp_path: Path) -> None:
        """As for a service's user whose HOME is still root's."""
        (tmp_path / "closed").mkdir(mode=0)
        code = (
            "import os, huggingface_hub.constants; from cli.doctor import check_disk, load_settings;"
            "os.geteuid() or os.seteuid(65534);"
            "print(*(found.subject for found in check_disk(load_settings({}))), sep=',')"
        )
        environment = {**os.environ, "HF_HOME": str(tmp_path / "closed" / "huggingface")}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
        assert ran.stdout.strip() == "temporary files,disk for models,disk for state", ran.stderr

    def test_every_recogniser_is_loaded(self, tmp_path: Path) -> None:
        (tmp_path / "a.onnx").touch()
        paths = json.dumps([f"{tmp_path}/a.onnx", f"{tmp_path}/b.onnx"])
        *own, damaged, missing = check_recognisers(load_settings({"WRITING_RECOGNISERS": paths}))
        assert [finding.level for finding in own] == [Level.OK] * 3
        assert (damaged.level, missing.level) == (Level.FAIL, Level.FAIL)
        assert f"is damaged: {tmp_path}/a.onnx" in damaged.text
        assert f"not found: {tmp_path}/b.onnx" in missing.text

    def test_a_damaged_forest_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "forest.npz"
        path.touch()
        monkeypatch.setattr("worker.conditioning.structured_forest.load_forest", partial(load_forest, path))
        (finding,) = check_forest()
        assert (finding.level, finding.text) == (Level.FAIL, f"structured forest is damaged: {path}")

    def test_without_rapidocr_there_is_no_score(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("worker.legibility.judge.find_recognisers", list)
        (finding,) = check_recognisers(load_settings({}))
        assert finding.level is Level.WARN
        assert "rapidocr" in finding.advice

    def test_a_gpu_that_is_asked_for_and_not_there_fails(self) -> None:
        first = next(check_gpu(load_settings({"WRITING_DEVICE": "cuda"})))
        is_there = first.subject == "GPU 0"
        assert first.level is (Level.OK if is_there else Level.FAIL)

    def test_the_default_model_needs_no_gpu(self) -> None:
        assert Level.WARN not in levels(check_gpu(load_settings({}))).values()

    def test_no_api_fails_and_says_how_to_start_it(self) -> None:
        with WritingClient(f"http://127.0.0.1:{free_port()}", retry_s=0) as client:
            (finding,) = check_api(client)
        assert finding.level is Level.FAIL
        assert "make serve" in str(finding)

    @pytest.mark.parametrize(
        ("answer", "level", "advice"),
        [
            (refused(401, "unauthorized", None), Level.FAIL, "set WRITING_API_KEY"),
            (Answer(200, STATUS), Level.FAIL, "start one"),
            (Answer(200, STATUS | {"workers": [LOADING]}), Level.WARN, "wait"),
        ],
    )
    def test_an_api_that_cannot_draw_says_what_to_do(self, answer: Answer, level: Level, advice: str) -> None:
        with Scripted({"GET /api/writing/status": [answer]}) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
            with WritingClient(server.url, retry_s=0) as client:
                *_, last = check_api(client)
            server.shutdown()
        assert (last.level, advice in last.advice) == (level, True)

    @pytest.mark.parametrize(("model", "level"), [("embedded", Level.OK), ("sdxl", Level.WARN)])
    def test_only_models_that_are_not_here_need_a_large_disk(
        self, monkeypatch: pytest.MonkeyPatch, no_hub_cache: None, model: str, level: Level
    ) -> None:
        monkeypatch.setattr("cli.doctor.MODELS_GIB", 10**9)
        assert levels(check_disk(load_settings({"WRITING_MODEL": model})))["disk for models"] is level

    def test_whatever_is_at_fault_all_is_checked_and_the_command_fails(
        self, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("WRITING_REDIS__URL", redis_url)
        monkeypatch.setenv("WRITING_RESULTS__STORE", f"file://{tmp_path}/pictures")
        assert main(["doctor", "--url", f"http://127.0.0.1:{free_port()}"]) == FAILED
        said = capsys.readouterr().out
        for subject in (
            "font",
            "recogniser",
            "structured forest",
            "strokes",
            "imagery",
            "disk for state",
            "Redis AOF",
            "results.store",
            "API",
        ):
            assert f" {subject}" in said

    def test_a_key_that_cannot_be_sent_is_a_wrong_option_and_stays_secret(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", "--api-key", "secret…"]) == USAGE
        said = capsys.readouterr().err
        assert "API key" in said
        assert "secret" not in said


def test_the_api_says_that_no_temporary_file_can_be_written() -> None:
    code = (
        "import resource, sys; from cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); sys.exit(main(['api']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == FAILED
    assert "temporary directory" in done.stderr
    assert "Traceback" not in done.stderr

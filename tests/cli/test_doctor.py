"""The findings of `writing-service doctor`."""

from collections.abc import Iterator

import pytest
import redis

from cli.doctor import Finding, Level, check_api, check_fonts, check_gpu, check_models, check_redis
from cli.exit_codes import USAGE
from cli.main import main
from local.stack import free_port
from shared.settings import Settings, load_settings
from writing_client import WritingClient


def levels(findings: Iterator[Finding]) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in findings}


class TestDoctor:
    def test_a_redis_that_keeps_the_queue_is_ok(self, settings: Settings) -> None:
        assert levels(check_redis(settings)) == dict.fromkeys(("Redis", "Redis eviction", "Redis AOF"), Level.OK)

    def test_a_redis_that_forgets_is_told_apart(self, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("appendonly", "no")
            try:
                findings = list(check_redis(settings))
            finally:
                client.config_set("maxmemory-policy", "noeviction")
                client.config_set("appendonly", "yes")
        assert levels(iter(findings)) == {"Redis": Level.OK, "Redis eviction": Level.FAIL, "Redis AOF": Level.WARN}
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

    def test_a_missing_font_fails(self) -> None:
        (finding,) = check_fonts(load_settings({"WRITING_FONTS": '["no/such.ttf"]'}))
        assert (finding.level, "no/such.ttf" in finding.text) == (Level.FAIL, True)

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

    def test_a_key_that_cannot_be_sent_is_a_wrong_option_and_stays_secret(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", "--api-key", "secret…"]) == USAGE
        said = capsys.readouterr().err
        assert "API key" in said
        assert "secret" not in said

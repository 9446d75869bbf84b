"""The models' files: which are needed, where they are, and how they are fetched."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.model_files import find, sources
from local.stack import free_port
from shared.locations import PROJECT
from shared.model_folder import folder_faults
from shared.settings import load_settings


class TestModelFiles:
    def test_sdxl_needs_its_parts_in_half_precision_and_no_vae_of_its_own(self) -> None:
        base, controlnet, vae, *conditioning = sources(load_settings({}), "sdxl")
        assert "unet/diffusion_pytorch_model.fp16.safetensors" in base.patterns
        assert not any(pattern.startswith(("vae/", "controlnet/")) for pattern in base.patterns)
        assert base.replaced == ("controlnet", "vae")
        assert controlnet.variable == "WRITING_MODELS__SDXL__CONTROLNET"
        assert "diffusion_pytorch_model.safetensors" in vae.patterns
        assert [source.is_optional for source in conditioning] == [True, True]

    def test_turbo_is_fetched_where_it_is_offered(self) -> None:
        offered = load_settings({"WRITING_MODELS__SDXL__QUALITIES": '["exact", "turbo"]'})
        (turbo,) = [source for source in sources(offered, "sdxl") if source.setting == "models.sdxl.turbo.lora"]
        assert turbo.patterns == ("Hyper-SDXL-8steps-CFG-lora.safetensors",)

    def test_a_model_that_is_nowhere_is_not_found(self, no_hub_cache: None) -> None:
        base, *_ = sources(load_settings({}), "sdxl")
        assert find(base) is None

    def test_a_user_without_a_home_folder_has_no_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "~nobody-of-this-name/hub")
        base, *_ = sources(load_settings({}), "sdxl")
        assert find(base) is None


class Hub(BaseHTTPRequestHandler):
    """A hub with one model, which serves what the hub's own client requests."""

    protocol_version = "HTTP/1.1"
    folder = PROJECT / "worker/data/embedded_model"
    commit = "a" * 40

    def log_message(self, *_: object) -> None: ...

    def _answer(self) -> None:
        path, _, _ = self.path.partition("?")
        content, headers = b"{}", {}
        if "/resolve/" in path:
            content = (self.folder / path.split(f"/{self.commit}/")[1]).read_bytes()
            headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": self.commit}
        elif "/tree/" in path:
            files = [file for file in self.folder.rglob("*") if file.is_file()]
            content = json.dumps(
                [
                    {
                        "type": "file",
                        "path": file.relative_to(self.folder).as_posix(),
                        "size": file.stat().st_size,
                        "oid": hashlib.sha256(file.read_bytes()).hexdigest(),
                    }
                    for file in files
                ]
            ).encode()
        else:
            content = json.dumps({"id": "ours/tiny", "sha": self.commit, "siblings": []}).encode()
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = _answer  # noqa: N815  # the library's names


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetch_models(hub_url: str, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a separate process, because the hub's library reads its URL only once."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub_url,
        "HF_HOME": str(home),
        "WRITING_MODELS__EMBEDDED__BASE": "ours/tiny",
        "WRITING_CONDITIONING": '{"depth_model": null, "segmentation_model": null}',
    }
    command = [sys.executable, "-m", "cli", "models", "fetch", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class TestFetching:
    def test_models_are_fetched_verified_and_then_there(self, hub: str, tmp_path: Path) -> None:
        done = fetch_models(hub, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "all of the size that the hub gives" in done.stdout
        (fetched,) = (tmp_path / "hub/models--ours--tiny/snapshots").iterdir()
        assert folder_faults(fetched) == []
        assert not list(fetched.rglob("samples.jpg")), "files that are not loaded are not fetched"
        again = fetch_models(hub, tmp_path, "--dry-run")
        assert (again.returncode, "0 of 16 files to fetch" in again.stdout) == (0, True)

    def test_a_folder_for_another_machine_is_complete_and_its_setting_is_told(self, hub: str, tmp_path: Path) -> None:
        done = fetch_models(hub, tmp_path / "home", "--to", str(tmp_path / "models"))
        assert done.returncode == 0, done.stderr
        assert f"WRITING_MODELS__EMBEDDED__BASE={tmp_path}/models/tiny\n" in done.stdout
        assert folder_faults(tmp_path / "models/tiny") == []

    @pytest.mark.slow
    def test_of_a_model_without_16_bit_files_the_others_are_fetched(
        self, hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the workers load it; a part with 16-bit files is fetched in 16 bits."""
        monkeypatch.setenv("WRITING_MODELS__EMBEDDED__DTYPE", "float16")
        planned = fetch_models(hub, tmp_path, "--dry-run")
        assert "16 of 16 files to fetch" in planned.stdout, planned.stderr
        folder = Path(shutil.copytree(Hub.folder, tmp_path / "model"))
        unet = folder / "unet/diffusion_pytorch_model.safetensors"
        shutil.copy(unet, unet.with_name("diffusion_pytorch_model.fp16.safetensors"))
        monkeypatch.setattr(Hub, "folder", folder)
        assert fetch_models(hub, tmp_path).returncode == 0
        (fetched,) = (tmp_path / "hub/models--ours--tiny/snapshots").iterdir()
        weights = {path.parent.name: path.name for path in fetched.rglob("*.safetensors")}
        assert len(weights) == len([*fetched.rglob("*.safetensors")]) == 5
        assert weights.pop("unet") == "diffusion_pytorch_model.fp16.safetensors"
        assert not any("fp16" in name for name in weights.values())

    def test_a_hub_that_does_not_answer_is_an_error_that_says_what_to_do(self, tmp_path: Path) -> None:
        done = fetch_models(f"http://127.0.0.1:{free_port()}", tmp_path, "--dry-run")
        assert done.returncode == 1
        assert "models.embedded.base: ours/tiny cannot be fetched from the hub" in done.stderr
        assert "--to FOLDER" in done.stderr
        assert "Traceback" not in done.stderr

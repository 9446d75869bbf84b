"""What the README shows is what happens."""

import json
import re
import shlex
import subprocess
from pathlib import Path

from embedded.stack import Stack
from tests.helpers import Api


def test_the_readmes_curl_commands_work(project: Path, stack: Stack, api: Api) -> None:
    """Every curl command of the README, against a running service."""
    blocks = re.findall(r"```sh\n(curl.*?)```", (project / "README.md").read_text(), re.DOTALL)
    commands = [
        line for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines() if line.startswith("curl")
    ]
    assert len(commands) == 4
    job_id = ""
    for command in commands:
        words = shlex.split(command.replace("http://127.0.0.1:8600", stack.url).replace("5b0c…", job_id), comments=True)
        if "-o" in words:
            api.finished(job_id)
            words[words.index("-o") + 1] = "/dev/null"
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        document = json.loads(done.stdout) if done.stdout else {}
        job_id = document.get("job_id", job_id)
        assert document.get("code") is None, document
    assert document["prompt_used"] == "An ink wash painting of mountain, sumi-e brushwork on rice paper"

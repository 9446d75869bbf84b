"""The view into a step, with tiny networks on this machine's CPU."""

import pytest

from bench import gpu_steps


@pytest.mark.slow
def test_the_time_of_each_batch_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gpu_steps, "STEPS", 1)
    monkeypatch.setattr(gpu_steps, "PICTURES", (1, 2))
    gpu_steps.main(is_tiny=True)
    lines = capsys.readouterr().out.splitlines()
    times = [line.rpartition(":")[0] for line in lines if line.endswith("ms a step")]
    assert times == [f"{quality}, {count} pictures" for quality in ("exact", "fast") for count in (1, 2)]

"""The GPU benchmark with tiny networks on this machine's CPU: the real code of every variant, and one that fails."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import bench.gpu_speed
from bench.gpu_speed import document, measure, subject_of
from bench.variants import STOCK_COMPILED, STOCK_EAGER, VARIANTS, Backend, Ours, Stock, Subject, Variant
from shared.schemas import Quality

EAGER = {variant.name: variant for variant in VARIANTS if "eager" in variant.name}
COMPILED = [
    Variant(STOCK_COMPILED, partial(Stock, is_compiled=True), ((1,),)),
    *(
        Variant(f"{quality.value}, compiled", partial(Ours, quality=quality, is_compiled=True), ((1,),))
        for quality in (Quality.EXACT, Quality.FAST)
    ),
]


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subject_of(is_tiny=True)


def unable(_subject: Subject, _folder: Path) -> Backend:
    raise torch.OutOfMemoryError("CUDA out of memory\nand more")


@pytest.mark.slow
def test_variants_are_measured_one_after_another_and_one_that_fails_says_why(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.gpu_speed, "REPEATS", 1)
    variants = [EAGER[STOCK_EAGER], Variant("broken", unable, ((1,),)), EAGER["exact, eager"]]
    rows = list(measure(subject, [replace(variant, rounds=((1, 2),)) for variant in variants]))
    assert [(row.variant, row.batch) for row in rows] == [
        (STOCK_EAGER, 1),
        (STOCK_EAGER, 2),
        ("broken", 0),
        ("exact, eager", 1),
        ("exact, eager", 2),
    ]
    assert [row.failure for row in rows if row.failure] == ["OutOfMemoryError: CUDA out of memory"]
    assert all(row.seconds > 0 for row in rows if not row.failure)
    near = rows[-1].near_db
    assert near is not None
    assert near > 60, "in float32 a picture is the same in a batch"
    report = document(subject, rows, "the command")
    assert "| broken | all | OutOfMemoryError: CUDA out of memory |" in report
    assert "- exact, eager: profile cpu, device cpu, dtype float32" in report


@pytest.mark.slow
def test_variants_that_are_compiled_do_not_disturb_one_another(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is traced anew, although a warm engine allows no compiling. No code is generated here."""
    compile_ = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **options: compile_(function, **options | {"backend": "eager"})
    )
    monkeypatch.setattr(bench.gpu_speed, "REPEATS", 1)
    with torch.fx.experimental._config.patch(backed_size_oblivious=True), torch.backends.nnpack.flags(enabled=False):
        rows = list(measure(subject, COMPILED))
    assert [(row.variant, row.failure) for row in rows] == [(variant.name, "") for variant in COMPILED]
    graphs = {row.variant: row.notes.get("torch_compile") for row in rows}
    assert graphs["exact, compiled"] == graphs["fast, compiled"], "steps that reuse features need no further graphs"
    assert re.fullmatch(
        r"yes: (\d+) graphs, \1 of them compiled at this start, for 256 x 256 pixels", str(graphs["exact, compiled"])
    )


@pytest.mark.slow
def test_a_variant_whose_steps_cannot_be_recorded_says_why(subject: Subject) -> None:
    (variant,) = (variant for variant in VARIANTS if variant.name == "exact, recorded")
    (row,) = measure(subject, [replace(variant, rounds=((1,),))])
    assert row.failure == "RuntimeError: cuda_graphs: no: no GPU"


@pytest.mark.slow
def test_no_variant_is_started_after_the_deadline(subject: Subject) -> None:
    rows = list(measure(subject, list(EAGER.values()), deadline_s=-1.0))
    assert len(rows) == sum(bool(batches) for variant in EAGER.values() for batches in variant.rounds)
    assert {(row.batch, row.failure) for row in rows} == {(0, "not started in time")}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_a_full_size_run_ends_with_the_reason() -> None:
    with pytest.raises(SystemExit, match="no usable CUDA GPU; --tiny"):
        subject_of(is_tiny=False)

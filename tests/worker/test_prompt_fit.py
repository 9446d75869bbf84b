"""Prompts too long for the text encoders lose whole phrases, and the metadata names exactly what was used."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.errors import PromptTooLong
from tests.models import embedded_pipeline, engine_model
from worker.engine.engine import Engine
from worker.engine.prompt_fit import FittedPrompt, fit
from worker.engine.request import Drawing, DrawRequest
from worker.progress import NullProgress

LONG = ", ".join(f"a phrase of number {number}" for number in range(40))
CONTROLS = {"canny": Image.fromarray(np.eye(128, dtype=np.uint8)[:, :, None].repeat(3, 2) * 255)}


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return embedded_pipeline()


@pytest.fixture(scope="module")
def tokenizers(pipeline: Any) -> list[Any]:
    return [pipeline.tokenizer, pipeline.tokenizer_2]


@pytest.fixture(scope="module")
def engine(pipeline: Any) -> Iterator[Engine]:
    running = Engine(lambda: engine_model(pipeline))
    yield running
    running.close()


def draw(engine: Engine, **fields: Any) -> Drawing:
    request = DrawRequest(
        **{"prompt": "a cat", "control_images": CONTROLS, "num_inference_steps": 1, "seed": 1} | fields
    )
    return engine.submit(request, NullProgress()).result(60)


class TestFit:
    @pytest.mark.parametrize("text", ["", "a cat", "a cat,dog ;  bird", "学习, study", ", a cat,"])
    def test_what_fits_stays_to_the_letter(self, tokenizers: list[Any], text: str) -> None:
        assert fit(text, tokenizers) == FittedPrompt(text)

    @pytest.mark.parametrize("separator", [", ", ",", "; ", "，", "、", "；"])
    def test_whole_phrases_are_left_out_from_the_end(self, tokenizers: list[Any], separator: str) -> None:
        phrases = LONG.split(", ")
        fitted = fit(separator.join(phrases), tokenizers)
        assert all(len(tokenizer(fitted.text).input_ids) <= 77 for tokenizer in tokenizers)
        kept = len(phrases) - len(fitted.left_out)
        assert fitted.text == separator.join(phrases[:kept])
        assert list(fitted.left_out) == phrases[kept:]

    def test_the_longest_prompt_that_fits_is_kept(self, tokenizers: list[Any]) -> None:
        fitted = fit(LONG, tokenizers)
        one_more = f"{fitted.text}, {fitted.left_out[0]}"
        assert any(len(tokenizer(one_more).input_ids) > 77 for tokenizer in tokenizers)

    def test_the_smaller_of_two_limits_holds_and_is_named(self, tokenizers: list[Any]) -> None:
        smaller = copy.deepcopy(tokenizers[0])
        smaller.model_max_length = len(smaller("a cat, a dog").input_ids)
        for both in ([smaller, tokenizers[1]], [tokenizers[1], smaller]):
            assert fit("a cat, a dog", both) == FittedPrompt("a cat, a dog")
            assert fit("a cat, a dog, owls", both) == FittedPrompt("a cat, a dog", ("owls",))
            with pytest.raises(PromptTooLong, match=f"at most {smaller.model_max_length} tokens"):
                fit("cat " * 20, both)

    def test_the_essential_part_is_never_left_out(self, tokenizers: list[Any]) -> None:
        essential = "the meaning, of three, parts"
        fitted = fit(f"{LONG}, {essential}, and more", tokenizers, essential=essential)
        assert essential in fitted.text
        assert fitted.left_out[-1] == "and more"

    @pytest.mark.parametrize("text", ["word " * 200, f"cat, {'dog ' * 200}"])
    def test_what_cannot_be_shortened_is_refused(self, tokenizers: list[Any], text: str) -> None:
        with pytest.raises(PromptTooLong, match="77 tokens") as caught:
            fit(text, tokenizers, essential=text, field="translation")
        assert (caught.value.code, caught.value.field) == ("prompt_too_long", "translation")


class TestEngine:
    def test_negative_prompts_are_claimed_only_as_far_as_they_were_read(self, engine: Engine) -> None:
        one, two = (draw(engine, negative_prompt=f"{LONG}, {end}", guidance_scale=3.0) for end in ("red", "blue"))
        assert np.array_equal(np.asarray(one.image), np.asarray(two.image))
        assert one.negative_prompt.text == two.negative_prompt.text
        assert (one.negative_prompt.left_out[-1], two.negative_prompt.left_out[-1]) == ("red", "blue")

    @pytest.mark.parametrize(
        ("negative", "phrases"), [("", ()), ("blurry", ("blurry",)), ("a ; b，c", ("a", "b", "c"))]
    )
    def test_without_guidance_no_negative_prompt_is_claimed(
        self, engine: Engine, negative: str, phrases: tuple[str, ...]
    ) -> None:
        drawing = draw(engine, negative_prompt=negative, guidance_scale=1.0)
        assert drawing.negative_prompt == FittedPrompt("", phrases)
        assert np.array_equal(np.asarray(drawing.image), np.asarray(draw(engine, guidance_scale=1.0).image))

    def test_a_picture_says_which_prompt_drew_it(self, engine: Engine) -> None:
        drawing = draw(engine, prompt=LONG)
        again = draw(engine, prompt=drawing.prompt.text)
        assert np.array_equal(np.asarray(drawing.image), np.asarray(again.image))
        assert drawing.prompt.left_out
        assert again.prompt.left_out == ()

    def test_a_job_that_cannot_be_shortened_fails_alone(self, engine: Engine) -> None:
        with pytest.raises(PromptTooLong):
            draw(engine, negative_prompt="word " * 200, guidance_scale=3.0)
        assert draw(engine).prompt.text == "a cat"

import io
import json

import numpy as np
from PIL import Image

from worker.png import encode_png

PARAMETERS = {
    "prompt": "A drawing of study, inspired by 学习",
    "negative_prompt": "photo",
    "num_inference_steps": 30,
    "scheduler": "EulerDiscrete",
    "guidance_scale": 6.0,
    "seed": 7,
    "width": 64,
    "height": 32,
    "model_used": "sdxl",
}


def test_a_png_is_lossless_and_carries_its_parameters() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    image = Image.open(io.BytesIO(encode_png(Image.fromarray(pixels), PARAMETERS)))
    assert (np.asarray(image) == pixels).all()
    assert image.text["parameters"] == (
        "A drawing of study, inspired by 学习\n"
        "Negative prompt: photo\n"
        "Steps: 30, Sampler: EulerDiscrete, CFG scale: 6.0, Seed: 7, Size: 64x32, Model: sdxl"
    )
    assert json.loads(image.text["writing-service"]) == PARAMETERS


def test_maps_carry_no_parameters() -> None:
    assert Image.open(io.BytesIO(encode_png(Image.new("RGB", (8, 8))))).text == {}

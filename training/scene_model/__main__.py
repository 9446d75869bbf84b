"""Make the next embedded model, which renders scenes.

    python -m training.scene_model targets     # a sheet of the pictures that it learns from
    python -m training.scene_model vae         # 1. the VAE; --start FOLDER goes on from another one of its form
    python -m training.scene_model judge       # what the VAE keeps of held-out pictures, by style

Each command can be interrupted and started again: it goes on where it stopped. Files in the making lie in
``var/scene_model``.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from training.scene_model.data import SceneMaker
from training.scene_model.pictures import STYLES
from training.scene_model.vae import judge_vae, load_vae, train_vae

COMMANDS = ("targets", "vae", "judge")
COLUMNS, CELL = 8, 256


def targets(folder: Path) -> None:
    """Write a sheet: eight scenes in each style."""
    maker = SceneMaker(0)
    rows = [
        np.hstack([np.asarray(Image.fromarray(maker.picture(style)).resize((CELL, CELL))) for _ in range(COLUMNS)])
        for style in tqdm(STYLES, desc="styles")
    ]
    Image.fromarray(np.vstack(rows)).save(folder / "targets.jpg", quality=88)
    print(folder / "targets.jpg")


def judge(folder: Path, device: torch.device) -> None:
    """Print the VAE's PSNR by style."""
    found = judge_vae(load_vae(folder, device))
    for style, decibels in found.items():
        print(f"{style:12}{decibels:6.1f} dB")
    print(f"{'mean':12}{sum(found.values()) / len(found):6.1f} dB")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, default=Path("var/scene_model"), help="files in the making")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=20_000, help="steps in all")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pictures")
    parser.add_argument("--start", type=Path, help="a VAE's folder to go on from")
    arguments = parser.parse_args()
    folder, device = arguments.folder, torch.device(arguments.device)
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.command == "targets":
        targets(folder)
    elif arguments.command == "vae":
        train_vae(folder, arguments.steps, device, arguments.workers, arguments.start)
    else:
        judge(folder, device)


if __name__ == "__main__":
    main()

"""Make the embedded checkpoint from nothing.

    python -m training.embedded_model targets              # a sheet of the pictures that it learns from
    python -m training.embedded_model vae                  # 1. the VAE
    python -m training.embedded_model shards               # 2. latents and maps of the training pictures
    python -m training.embedded_model text                 # 3. both text encoders, on prompts alone
    python -m training.embedded_model diffusion            # 4. UNet, ControlNet, text encoders
    python -m training.embedded_model export --to FOLDER   # 5. the folder that the service loads, with a sample sheet

Each command can be interrupted and started again: it goes on where it stopped. `--steps` and `--shards` say how far to
go in all. On two CPU cores a VAE step takes some 0.6 s, a shard 20 s, a diffusion step 1.1 s; `--device cuda` uses a
GPU. Files in the making lie in ``var/embedded_model``. `--start FOLDER` goes on from a checkpoint instead of from
nothing: its VAE and tokenizer as they are, its networks to begin with.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.embedded_model.data import SampleMaker
from training.embedded_model.diffusion import folder_tokenizer, load_networks, store_shards, train_diffusion
from training.embedded_model.meanings import MEANINGS
from training.embedded_model.models import save_pipeline
from training.embedded_model.pictures import STYLES
from training.embedded_model.sheet import sample_sheet
from training.embedded_model.text import train_text
from training.embedded_model.vae import load_vae, train_vae

COMMANDS = ("targets", "vae", "shards", "text", "diffusion", "export")


def targets(folder: Path) -> None:
    """Write a sheet: the styles in rows, meanings in columns."""
    maker = SampleMaker(0)
    meanings = [*MEANINGS, "neutral"]
    rows = [
        np.hstack([maker.picture(style, meanings[(3 * row + column) % len(meanings)]) for column in range(8)])
        for row, style in enumerate(STYLES)
    ]
    Image.fromarray(np.vstack(rows)).save(folder / "targets.png")
    print(folder / "targets.png")


def export(folder: Path, destination: Path, start: Path | None) -> None:
    """Write the checkpoint, and a sheet of what it draws."""
    networks, tokenizer = load_networks(folder)
    save_pipeline(
        destination,
        vae=load_vae(folder, torch.device("cpu"), start),
        unet=networks.unet,
        controlnet=networks.controlnet,
        encoders=(networks.encoder, networks.encoder_2),
        tokenizer=tokenizer,
    )
    sample_sheet(destination).save(folder / "samples.png")
    size = sum(file.stat().st_size for file in destination.rglob("*") if file.is_file()) / 1e6
    print(f"{destination}: {size:.1f} MB; {folder / 'samples.png'}")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, default=Path("var/embedded_model"), help="files in the making")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--steps", type=int, help="steps in all; default 6,000 for the VAE, 3,000 for text, 60,000 for diffusion"
    )
    parser.add_argument("--shards", type=int, default=200, help="shards of 500 pictures")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare batches")
    parser.add_argument("--to", type=Path, default=Path("var/embedded_model/checkpoint"), help="where to export to")
    parser.add_argument("--start", type=Path, help="a checkpoint folder to go on from")
    arguments = parser.parse_args()
    start = arguments.start
    folder, device = arguments.folder, torch.device(arguments.device)
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.command == "targets":
        targets(folder)
    elif arguments.command == "vae":
        train_vae(folder, arguments.steps or 6_000, device, arguments.workers)
    elif arguments.command == "shards":
        store_shards(folder, load_vae(folder, device, start), arguments.shards, device)
    elif arguments.command == "text":
        train_text(folder, folder_tokenizer(folder, start), arguments.steps or 3_000)
    elif arguments.command == "diffusion":
        train_diffusion(folder, arguments.steps or 60_000, device, arguments.workers, start=start)
    else:
        export(folder, arguments.to, start)


if __name__ == "__main__":
    main()

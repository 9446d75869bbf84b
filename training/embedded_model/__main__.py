"""Make the embedded model, which renders scenes.

    python -m training.embedded_model targets     # a sheet of the pictures that it learns from
    python -m training.embedded_model vae         # 1. the VAE; --start FOLDER starts from another VAE of the same shape
    python -m training.embedded_model judge       #    the VAE's PSNR on held-out pictures, by style
    python -m training.embedded_model decoder     #    the decoder alone, at any time; the latents stay valid
    python -m training.embedded_model shards      # 2. latents and maps of the training pictures
    python -m training.embedded_model text        # 3. both text encoders, on prompts alone
    python -m training.embedded_model diffusion   # 4. UNet, Union ControlNet, text encoders
    python -m training.embedded_model export --to FOLDER    # 5. the folder that the service loads

``--start worker/data/embedded_model`` starts from a complete checkpoint of the same shape. ``vae``, ``decoder``,
``shards`` and ``diffusion`` can be interrupted; started again, they resume where they stopped. Intermediate files are
in ``var/embedded_model``.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from training.embedded_model.data import SceneMaker
from training.embedded_model.diffusion import WHOLE_SHARE, load_networks, train_diffusion
from training.embedded_model.models import save_pipeline
from training.embedded_model.pictures import STYLES
from training.embedded_model.shards import store_shards
from training.embedded_model.text import folder_tokenizer, train_text
from training.embedded_model.vae import finish_vae, judge_vae, load_vae, train_decoder, train_vae

COMMANDS = ("targets", "vae", "judge", "decoder", "shards", "text", "diffusion", "export")
# Total steps, if the command line does not set them.
STEPS = {"vae": 20_000, "decoder": 10_000, "text": 1_500, "diffusion": 60_000}
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
    """Print the VAE's PSNR by style. Its training may go on afterwards, unless it is in use."""
    is_in_use = (folder / "vae").is_dir()
    found = judge_vae(load_vae(folder, device) if is_in_use else finish_vae(folder, device))
    for style, decibels in found.items():
        print(f"{style:12}{decibels:6.1f} dB")
    print(f"{'mean':12}{sum(found.values()) / len(found):6.1f} dB")


def export(folder: Path, destination: Path) -> None:
    """Write the checkpoint in the form that the service loads."""
    networks, tokenizer = load_networks(folder)
    save_pipeline(
        destination,
        vae=load_vae(folder, torch.device("cpu")),
        unet=networks.unet,
        controlnet=networks.controlnet,
        encoders=(networks.encoder, networks.encoder_2),
        tokenizer=tokenizer,
    )
    size = sum(file.stat().st_size for file in destination.rglob("*") if file.is_file()) / 1e6
    print(f"{destination}: {size:.1f} MB")


def take_files(folder: Path, checkpoint: Path) -> None:
    """Copy a checkpoint's tokenizer and VAE, unless the folder has its own, because shards and texts depend on them."""
    for name in ("tokenizer", "vae"):
        if not (folder / name).is_dir():
            shutil.copytree(checkpoint / name, folder / name)


def device_to_train_on(name: str) -> torch.device:
    """Return a device, on which attention has finite gradients from now on."""
    # cuDNN's attention, PyTorch's default on Hopper cards since 2.11, has a backward pass that gives NaN for some
    # shapes (pytorch/pytorch#196678). With it, the weights were lost within 60 steps on an H200.
    torch.backends.cuda.enable_cudnn_sdp(False)  # torch's signature
    return torch.device(name)


def step_count(text: str) -> int:
    """Return a number of the command line that is at least 1."""
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


def read_arguments() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, default=Path("var/embedded_model"), help="folder for intermediate files")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; default cpu")
    parser.add_argument("--steps", type=step_count, help=f"total number of steps; default {STEPS}")
    parser.add_argument("--shards", type=int, default=40, help="number of shards, of 250 pictures each")
    parser.add_argument(
        "--whole-share", type=float, default=WHOLE_SHARE, help="last share of diffusion's steps on whole pictures"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of processes that prepare batches")
    parser.add_argument("--start", type=Path, help="a VAE's folder, or a whole checkpoint, to start from")
    parser.add_argument("--to", type=Path, default=Path("var/embedded_model/checkpoint"), help="folder to export to")
    return parser.parse_args()


def main() -> None:
    """Run one command."""
    arguments = read_arguments()
    steps = arguments.steps or STEPS.get(arguments.command, 0)
    folder, device = arguments.folder, device_to_train_on(arguments.device)
    folder.mkdir(parents=True, exist_ok=True)
    start = arguments.start
    if start is not None and (start / "model_index.json").is_file():
        if arguments.command == "vae":
            start = start / "vae"
        else:
            take_files(folder, start)
    if arguments.command == "targets":
        targets(folder)
    elif arguments.command == "vae":
        train_vae(folder, steps, device, arguments.workers, start)
    elif arguments.command == "decoder":
        train_decoder(folder, steps, device, arguments.workers)
    elif arguments.command == "judge":
        judge(folder, device)
    elif arguments.command == "shards":
        store_shards(folder, load_vae(folder, device), arguments.shards, device)
    elif arguments.command == "text":
        train_text(folder, folder_tokenizer(folder), steps)
    elif arguments.command == "diffusion":
        train_diffusion(folder, steps, device, arguments.workers, start=start, whole_share=arguments.whole_share)
    else:
        export(folder, arguments.to)


if __name__ == "__main__":
    main()

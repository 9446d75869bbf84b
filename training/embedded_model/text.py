"""Train the two text encoders to tell styles and meanings apart, before any picture is drawn.

A diffusion loss teaches text slowly: most of a picture follows from its maps. Encoders that already separate what the
pictures will differ in (as CLIP's do for SDXL, which never trains them) leave the UNet only the colours and motifs to
learn.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from training.embedded_model.checkpoint import parameters_of
from training.embedded_model.data import PhraseMaker
from training.embedded_model.meanings import MEANINGS
from training.embedded_model.models import TEXT_WIDTHS, TOKENS, make_text_encoders
from training.embedded_model.pictures import STYLES

BATCH = 64
LEARNING_RATE = 1e-3


def train_text(folder: Path, tokenizer: CLIPTokenizer, steps: int) -> float:
    """Train and store the encoders in ``text.pt``; return how often the latest prompts' meaning was told, 0 to 1."""
    torch.manual_seed(0)
    encoders = nn.ModuleList(make_text_encoders(len(tokenizer)))
    styles, meanings = list(STYLES), [*MEANINGS, "neutral"]
    # What the UNet will see of a prompt: the pooled text of the second encoder, and each token's state of both.
    heads = nn.ModuleList(nn.Linear(width, len(styles) + len(meanings)) for width in (TEXT_WIDTHS[1], *TEXT_WIDTHS))
    optimizer = torch.optim.AdamW(parameters_of([encoders, heads]), LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    phrases = PhraseMaker(np.random.default_rng(1))
    right = 0.0
    bar = tqdm(range(steps), desc="text", unit="step")
    for _ in bar:
        chosen = [phrases.prompt() for _ in range(BATCH)]
        tokens = tokenizer(
            [prompt for _, _, prompt in chosen],
            padding="max_length",
            max_length=TOKENS,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        wanted = torch.tensor([[styles.index(style), meanings.index(meaning)] for style, meaning, _ in chosen])
        answers = [head(features) for head, features in zip(heads, _features(encoders, tokens), strict=True)]
        loss = torch.stack(
            [
                functional.cross_entropy(answer[:, : len(styles)], wanted[:, 0])
                + functional.cross_entropy(answer[:, len(styles) :], wanted[:, 1])
                for answer in answers
            ]
        ).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        named = answers[0][:, len(styles) :].argmax(1) == wanted[:, 1]
        right = 0.98 * right + 0.02 * named.float().mean().item()
        bar.set_postfix(loss=f"{loss.item():.3f}", meaning=f"{right:.0%}")
    torch.save(encoders.state_dict(), folder / "text.pt")
    return right


def load_text(folder: Path, encoders: tuple[CLIPTextModel, CLIPTextModelWithProjection]) -> None:
    """Put the trained weights into the encoders, if there are any."""
    if (folder / "text.pt").is_file():
        nn.ModuleList(encoders).load_state_dict(torch.load(folder / "text.pt", weights_only=True))


def _features(encoders: nn.ModuleList, tokens: torch.Tensor) -> list[torch.Tensor]:
    first = encoders[0](tokens, output_hidden_states=True).hidden_states[-2]
    second = encoders[1](tokens, output_hidden_states=True)
    return [second.text_embeds, first.mean(1), second.hidden_states[-2].mean(1)]

"""Train the two text encoders to distinguish the styles, before the diffusion training.

A diffusion loss trains text encoders slowly, because most of a picture follows from its maps. Here the maps contain
shapes and colours, so the text only has to convey the style.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from shared.writing.imagery import Imagery
from training.embedded_model.checkpoint import parameters_of
from training.embedded_model.data import SceneMaker
from training.embedded_model.models import TEXT_WIDTHS, TOKENS, make_text_encoders, make_tokenizer
from training.embedded_model.pictures import STYLES

BATCH = 64
LEARNING_RATE = 1e-3
# Number of prompts from which the tokenizer learns its merges.
LEARNED_PROMPTS = 4000


def folder_tokenizer(folder: Path) -> CLIPTokenizer:
    """Return the tokenizer shared by all stages, learned once, because equally common pairs have no fixed order."""
    stored = folder / "tokenizer"
    if not stored.is_dir():
        maker = SceneMaker(2)
        phrases = [motif.phrase for motif in Imagery()]
        make_tokenizer([*(_prompt(maker)[1] for _ in range(LEARNED_PROMPTS)), *phrases]).save_pretrained(stored)
    return CLIPTokenizer.from_pretrained(stored)


def train_text(folder: Path, tokenizer: CLIPTokenizer, steps: int) -> float:
    """Train the encoders and store them in ``text.pt``; return the style accuracy on the latest prompts, 0 to 1."""
    torch.manual_seed(0)
    encoders = nn.ModuleList(make_text_encoders(len(tokenizer)))
    styles = list(STYLES)
    # The UNet's view of a prompt: the second encoder's pooled text, and both encoders' state for each token.
    heads = nn.ModuleList(nn.Linear(width, len(styles)) for width in (TEXT_WIDTHS[1], *TEXT_WIDTHS))
    optimizer = torch.optim.AdamW(parameters_of([encoders, heads]), LEARNING_RATE, weight_decay=1e-2)
    maker, right = SceneMaker(1), 0.0
    bar = tqdm(range(steps), desc="text", unit="step")
    for _ in bar:
        chosen = [_prompt(maker) for _ in range(BATCH)]
        tokens = tokenize(tokenizer, [prompt for _, prompt in chosen])
        wanted = torch.tensor([styles.index(style) for style, _ in chosen])
        answers = [head(one) for head, one in zip(heads, _features(encoders, tokens), strict=True)]
        loss = torch.stack([functional.cross_entropy(answer, wanted) for answer in answers]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        right = 0.95 * right + 0.05 * (answers[0].argmax(1) == wanted).float().mean().item()
        bar.set_postfix(loss=f"{loss.item():.3f}", style=f"{right:.0%}")
    torch.save(encoders.state_dict(), folder / "text.pt")
    return right


def load_text(folder: Path, encoders: tuple[CLIPTextModel, CLIPTextModelWithProjection]) -> None:
    """Load the trained weights into the encoders, if there are any."""
    if (folder / "text.pt").is_file():
        nn.ModuleList(encoders).load_state_dict(torch.load(folder / "text.pt", weights_only=True))


def tokenize(tokenizer: CLIPTokenizer, prompts: list[str]) -> torch.Tensor:
    """Return prompts as tokens, (count, 77)."""
    tokens: torch.Tensor = tokenizer(
        prompts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    return tokens


def _prompt(maker: SceneMaker) -> tuple[str, str]:
    """Return a style and a prompt in it."""
    style = str(maker.random.choice(list(STYLES)))
    word = "".join(maker.random.choice(maker.characters, int(maker.random.integers(1, 4))))
    motifs = maker.random.choice(maker.motifs, int(maker.random.integers(0, 3)), replace=False).tolist()
    return style, maker.prompt(style, word, motifs)


def _features(encoders: nn.ModuleList, tokens: torch.Tensor) -> list[torch.Tensor]:
    first = encoders[0](tokens, output_hidden_states=True).hidden_states[-2]
    second = encoders[1](tokens, output_hidden_states=True)
    return [second.text_embeds, first.mean(1), second.hidden_states[-2].mean(1)]

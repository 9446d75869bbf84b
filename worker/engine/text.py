"""Text embeddings, cached by prompt: many jobs share a negative prompt, and often a style."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch

from worker.engine.placement import Placement
from worker.engine.prompt_fit import FittedPrompt, fit
from worker.engine.transfer import send

# An SDXL embedding takes 0.3 MB in half precision.
KEPT_PROMPTS = 128


@dataclass(frozen=True, slots=True)
class TextEmbedding:
    """A prompt as the networks see it.

    Attributes:
        tokens: (1, 77, width of both encoders).
        pooled: (1, width of the second encoder's projection).
    """

    tokens: torch.Tensor
    pooled: torch.Tensor


class TextEncoder:
    """Both CLIP encoders of a pipeline, with a cache."""

    def __init__(self, pipeline: Any, placement: Placement) -> None:
        placement.keep(pipeline.text_encoder, pipeline.text_encoder_2)
        self._pipeline = pipeline
        self._placement = placement
        self._kept: OrderedDict[str, TextEmbedding] = OrderedDict()

    def fit(self, text: str, *, essential: str = "", field: str | None = None) -> FittedPrompt:
        """Return a prompt that both encoders read in full. Arguments and errors are those of `prompt_fit.fit`."""
        tokenizers = [self._pipeline.tokenizer, self._pipeline.tokenizer_2]
        return fit(text, tokenizers, essential=essential, field=field)

    def prompt(self, text: str) -> TextEmbedding:
        """Return a prompt's embedding."""
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        embedding = self._kept[text] = self.encode(text)
        if len(self._kept) > KEPT_PROMPTS:
            self._kept.popitem(last=False)
        return embedding

    def negative(self, text: str, like: TextEmbedding) -> TextEmbedding:
        """Return a negative prompt's embedding.

        For an empty one, it is zeros or the empty text's embedding, depending on the checkpoint.
        """
        if not text and self._pipeline.config.force_zeros_for_empty_prompt:
            return TextEmbedding(torch.zeros_like(like.tokens), torch.zeros_like(like.pooled))
        return self.prompt(text)

    @torch.inference_mode()
    def encode(self, text: str) -> TextEmbedding:
        """Return a text's embedding, computed anew: as in diffusers, but without waiting for the device."""
        pipeline, device = self._pipeline, self._placement.device
        inputs = [send(_token_ids(text, one), device) for one in (pipeline.tokenizer, pipeline.tokenizer_2)]
        encoders = (pipeline.text_encoder, pipeline.text_encoder_2)
        with self._placement.borrow(*encoders):
            outputs = [encoder(ids, output_hidden_states=True) for encoder, ids in zip(encoders, inputs, strict=True)]
        # SDXL was trained with the last layer but one.
        tokens = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        return TextEmbedding(tokens.to(pipeline.text_encoder_2.dtype), outputs[-1].text_embeds)


def _token_ids(text: str, tokenizer: Any) -> torch.Tensor:
    """Return a text's tokens, (1, longest), on the host."""
    options = {"padding": "max_length", "max_length": tokenizer.model_max_length, "truncation": True}
    ids: torch.Tensor = tokenizer(text, return_tensors="pt", **options).input_ids
    return ids

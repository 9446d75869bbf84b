"""A result's images as bytes, and as files."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from writing_client.files import write_atomically
from writing_client.models import AIGenerationResult, Variation


class Picture:
    """What a job has drawn."""

    def __init__(self, result: AIGenerationResult) -> None:
        self.result = result

    @property
    def png(self) -> bytes:
        """The picture as PNG, as the service made it: its text chunks tell how to make it again."""
        return base64.b64decode(self.result.generated_image_base64)

    @property
    def maps(self) -> dict[str, dict[str, bytes]]:
        """The conditioning images as PNG: type to method to image."""
        return {
            control_type: {method: base64.b64decode(encoded) for method, encoded in methods.items()}
            for control_type, methods in self.result.conditioning_images_base64.items()
        }

    @property
    def variations(self) -> "tuple[Picture, ...]":
        """All pictures of the job in the order of their seeds; the most legible is the one with this one's seed."""
        return tuple(map(self._variation, self.result.variations)) or (self,)

    @property
    def prompt(self) -> str:
        """The prompt that was used."""
        return self.result.prompt_used

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Model, parameters as used, times."""
        return self.result.generation_metadata

    @property
    def seed(self) -> int:
        """Of its noise; with `scene_seed` it draws the picture again."""
        return int(self.metadata["seed"])

    @property
    def scene_seed(self) -> int:
        """Of the motifs' places and of maps drawn by hand."""
        return int(self.metadata.get("scene_seed", self.seed))

    @property
    def legibility(self) -> float | None:
        """How well the word can be read, 0 to 1; None where it was not judged."""
        judged = self.metadata.get("legibility") or {}
        return judged.get("score")

    def save(self, path: str | Path) -> Path:
        """Write the picture, making its folder; return the path."""
        return write_atomically(Path(path), self.png)

    def save_maps(self, folder: str | Path) -> list[Path]:
        """Write the conditioning images as ``<type>-<method>.png``; return their paths."""
        return [
            write_atomically(Path(folder) / f"{control_type}-{method}.png", png)
            for control_type, methods in self.maps.items()
            for method, png in methods.items()
        ]

    def _variation(self, variation: Variation) -> "Picture":
        own = {"seed": variation.seed, "legibility": variation.legibility}
        return Picture(
            self.result.model_copy(
                update={
                    "generated_image_base64": variation.generated_image_base64,
                    "generation_metadata": {**self.metadata, **own},
                    "variations": (),
                }
            )
        )

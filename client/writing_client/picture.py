"""A result's images, as bytes and as files."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from writing_client.files import write_atomically
from writing_client.models import AIGenerationResult, Variation


class Picture:
    """The pictures and metadata of a job's result."""

    def __init__(self, result: AIGenerationResult) -> None:
        self.result = result

    @property
    def png(self) -> bytes:
        """The picture as the service's PNG; its text chunks contain the parameters to reproduce it."""
        return base64.b64decode(self.result.generated_image_base64)

    @property
    def maps(self) -> dict[str, dict[str, bytes]]:
        """The conditioning images as PNG, by type and method."""
        return {
            control_type: {method: base64.b64decode(encoded) for method, encoded in methods.items()}
            for control_type, methods in self.result.conditioning_images_base64.items()
        }

    @property
    def variations(self) -> "tuple[Picture, ...]":
        """All pictures of the job, in the order of their seeds; the most legible one has this picture's seed."""
        return tuple(map(self._variation, self.result.variations)) or (self,)

    @property
    def prompt(self) -> str:
        """The prompt that was used."""
        return self.result.prompt_used

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The model, the parameters used, and the times."""
        return self.result.generation_metadata

    @property
    def seed(self) -> int:
        """The seed of its noise; together with `scene_seed`, it reproduces the picture."""
        return int(self.metadata["seed"])

    @property
    def scene_seed(self) -> int:
        """The seed of the motifs' positions and of hand-drawn maps."""
        return int(self.metadata.get("scene_seed", self.seed))

    @property
    def legibility(self) -> float | None:
        """How legible the word is, 0 to 1; None if it was not judged."""
        judged = self.metadata.get("legibility") or {}
        return judged.get("score")

    def save(self, path: str | Path) -> Path:
        """Write the picture, creating its folder; return the path."""
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

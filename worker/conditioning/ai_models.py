"""The models behind the two AI methods. They are found without network access and loaded once, on first use."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from numpy.typing import NDArray
from safetensors import SafetensorError

from shared.errors import MethodUnavailable
from shared.locations import locate
from worker.load_lock import LOAD_LOCK

logger = logging.getLogger("ai_models")

RGB = NDArray[np.uint8]
Points = NDArray[np.float32]
Mask = NDArray[np.bool_]

FILES = ["*.json", "*.safetensors"]
# SAM's decoder needs about 35 MiB a point.
POINTS_AT_ONCE = 8
LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError)


class LazyModel:
    """A transformers model and its processor, in a local folder or in the hub's local cache.

    They run on the CPU, in the task threads, because the device's thread belongs to the pipeline.

    Attributes:
        model_class: its name in transformers. transformers is imported with the model, which takes seconds and 300 MiB.
        processor_class: likewise.
    """

    model_class: ClassVar[str]
    processor_class: ClassVar[str]

    def __init__(self, source: str | None) -> None:
        """Set the local folder or hub name. Nothing is read yet."""
        self._source = source
        self._folder: Path | None = None
        self._broken: str | None = None
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def why_unavailable(self) -> str | None:
        """Return why the model cannot be used here, or None. Neither loads it nor uses the network."""
        if self._broken is not None or self._folder is not None:
            return self._broken
        if self._source is None:
            return "no model is configured for it"
        folder = locate(self._source)
        if not folder.is_dir():
            try:
                folder = Path(snapshot_download(self._source, allow_patterns=FILES, local_files_only=True))
            except (LocalEntryNotFoundError, ValueError, RuntimeError):  # RuntimeError: the user has no home folder
                return f"its model {self._source} is neither a local folder nor downloaded (hf download {self._source})"
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            return f"its model's folder {folder} lacks config.json or *.safetensors"
        # transformers would load another architecture's files, too, and fill in random weights.
        found = _architectures(folder / "config.json")
        if self.model_class not in found:
            return f"its model's folder {folder} is of {', '.join(found) or 'nothing known'}, not {self.model_class}"
        self._folder = folder
        return None

    def load(self) -> tuple[Any, Any]:
        """Return processor and model, loading them on first use.

        Raises:
            MethodUnavailable: names the model and the reason. Not every job needs this model, unlike the diffusion
                model, so the worker continues without the method.
        """
        with self._lock:
            if self._loaded is None:
                reason = self.why_unavailable()
                if reason is not None:
                    raise MethodUnavailable(reason, field="conditioning_methods")
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any]:
        import transformers  # noqa: PLC0415  # see the class

        started = time.perf_counter()
        try:
            with LOAD_LOCK:
                processor = getattr(transformers, self.processor_class).from_pretrained(
                    self._folder, local_files_only=True
                )
                model = getattr(transformers, self.model_class).from_pretrained(
                    self._folder, dtype="float32", use_safetensors=True, local_files_only=True
                )
        except LOAD_ERRORS as error:
            self._broken = f"cannot load {self.model_class} from {self._folder}: {error}"
            logger.error("%s", self._broken)  # noqa: TRY400  # the message says it all
            raise MethodUnavailable(self._broken, field="conditioning_methods") from error
        logger.info("loaded %s in %.1f s", self._source, time.perf_counter() - started)
        return processor, model.eval().requires_grad_(False)


def _architectures(config: Path) -> list[str]:
    """Return the class names that a model's configuration gives; [] if it gives none or cannot be read."""
    try:
        read = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return (read.get("architectures") or []) if isinstance(read, dict) else []


class DepthEstimator(LazyModel):
    """MiDaS/DPT (Ranftl et al. 2021): depth from a single picture."""

    model_class = "DPTForDepthEstimation"
    processor_class = "DPTImageProcessor"

    def estimate(self, page: RGB) -> RGB:
        """Return the depth of a page, near = bright, stretched to 0 to 255.

        Args:
            page: (height, width, 3).

        Returns:
            (height, width, 3).
        """
        processor, model = self.load()
        depth = model(**processor(images=page, return_tensors="pt")).predicted_depth
        height, width, _ = page.shape
        near = cv2.resize(depth[0].float().numpy(), (width, height), interpolation=cv2.INTER_CUBIC)
        stretched = cv2.normalize(near, np.empty_like(near), 0, 255, cv2.NORM_MINMAX)
        return np.repeat(np.rint(stretched).astype(np.uint8)[:, :, None], 3, axis=2)


class Segmenter(LazyModel):
    """Segment Anything (Kirillov et al. 2023): the region around a point."""

    model_class = "SamModel"
    processor_class = "SamProcessor"

    def masks(self, page: RGB, points: Points) -> Iterator[Mask]:
        """Yield the region that the model sees around each point, one at a time, since many do not fit into memory.

        Args:
            page: (height, width, 3).
            points: (n, 2), x and y in pixels.

        Yields:
            (height, width): of the point's three candidates, the one that the model rates highest.
        """
        processor, model = self.load()
        prompts = points[None, :, None, :].astype(float).tolist()  # one image, n prompts of one point each
        inputs = processor(page, input_points=prompts, return_tensors="pt")
        embeddings = model.get_image_embeddings(inputs["pixel_values"])
        for group in inputs["input_points"].split(POINTS_AT_ONCE, dim=1):
            output = model(image_embeddings=embeddings, input_points=group, multimask_output=True)
            for candidates, scores in zip(output.pred_masks[0], output.iou_scores[0], strict=True):
                best = candidates[scores.argmax()]
                (upscaled,) = processor.image_processor.post_process_masks(
                    best[None, None, None], inputs["original_sizes"], inputs["reshaped_input_sizes"]
                )
                yield upscaled[0, 0].numpy()

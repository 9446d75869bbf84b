"""Choose the faster way to compute attention on this GPU by measurement, since it depends on card and releases."""

import logging
import time
from collections.abc import Callable

import torch

logger = logging.getLogger("ai_models")


def xformers_is_faster(device: torch.device, dtype: torch.dtype) -> bool:
    """Time attention in the shape of SDXL's largest layers on a GPU: xformers, if installed, against SDPA."""
    try:
        from xformers.ops import memory_efficient_attention  # noqa: PLC0415  # optional
    except ImportError:
        return False
    query = torch.randn(2, 4096, 10, 64, device=device, dtype=dtype)
    heads_first = query.transpose(1, 2)
    ours = {
        "sdpa": lambda: torch.nn.functional.scaled_dot_product_attention(heads_first, heads_first, heads_first),
        "xformers": lambda: memory_efficient_attention(query, query, query),
    }
    try:
        seconds = {name: _seconds_on_gpu(attend) for name, attend in ours.items()}
    except (RuntimeError, NotImplementedError, ValueError) as error:  # built for another card or release of PyTorch
        logger.warning("xformers is installed but does not work here: %s", error)
        return False
    logger.info("attention, seconds per call: %s", seconds)
    return seconds["xformers"] < seconds["sdpa"]


def _seconds_on_gpu(call: Callable[[], object], repeats: int = 20) -> float:
    call()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / repeats

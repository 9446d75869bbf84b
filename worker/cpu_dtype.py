"""Choose the faster number format for this CPU by measurement, since a CPU's name does not tell.

CPUs with bfloat16 units (AVX512-BF16, AMX) halve the time of a step in bfloat16. Without them it takes many times as
long.
"""

import time

import torch

# A convolution as large as the embedded model's: (batch, channels, height, width).
SHAPE = (2, 96, 64, 64)
REPEATS = 3
# bfloat16 rounds more, so it must be clearly faster.
WORTH_IT = 0.8


def choose_cpu_dtype() -> tuple[torch.dtype, str]:
    """Return bfloat16 if it is clearly faster here, else float32, and the reason."""
    exact, rounded = seconds(torch.float32), seconds(torch.bfloat16)
    ratio = rounded / exact
    why = f"a trial in bfloat16 took {ratio:.2g} times as long as in float32"
    return (torch.bfloat16 if ratio < WORTH_IT else torch.float32), why


@torch.inference_mode()
def seconds(dtype: torch.dtype) -> float:
    """Return the best of several timings of a convolution in channels-last format."""
    convolution = torch.nn.Conv2d(SHAPE[1], SHAPE[1], 3, padding=1, dtype=dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.zeros(SHAPE, dtype=dtype).to(memory_format=torch.channels_last)
    convolution(images)  # chooses its kernel
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        convolution(images)
        times.append(time.perf_counter() - started)
    return min(times)

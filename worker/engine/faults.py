"""What went wrong, and whom it concerns: one job, all that share the memory, or everybody on this device.

Recovery never happens inside an `except` block: there the traceback keeps every tensor of the failed attempt alive.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import torch

from shared.errors import DeviceLost, OutOfMemory

# Older releases of PyTorch have no class for errors of the device: theirs are told by their text.
DEVICE_ERRORS: type[Exception] | tuple[()] = getattr(torch, "AcceleratorError", ())

# Codes of cudaError_t. After the second kind the context computes on: the call alone was wrong.
OUT_OF_MEMORY_CODE = 2
HARMLESS_CODES = {1, 9, 701}  # invalid value, invalid configuration, too many resources for a launch

# Libraries below PyTorch say these in plain RuntimeErrors. A handle that cannot be initialised, and a convolution for
# which no algorithm is found, lack memory for their workspace in nearly every case.
OUT_OF_MEMORY_TEXT = re.compile(
    r"out of memory|can't allocate memory"
    r"|(CUBLAS|CUDNN|CUSOLVER)_STATUS_\w*(ALLOC_FAILED|ALLOCATION_FAILED|NOT_INITIALIZED)"
    r"|unable to find an engine|unable to find a valid cudnn algorithm",
    re.IGNORECASE,
)
DEVICE_LOST_TEXT = re.compile(r"^CUDA error|Triton Error \[CUDA\]|(CUBLAS|CUDNN)_STATUS_EXECUTION_FAILED")


class Fault(Enum):
    """Whom an error concerns."""

    OUT_OF_MEMORY = auto()  # the same may fit with fewer jobs beside it
    DEVICE_LOST = auto()  # this process computes nothing more
    JOB = auto()  # this job alone


def classify(error: BaseException) -> Fault:
    """Return whom an error of a computation concerns."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return Fault.OUT_OF_MEMORY
    if isinstance(error, DEVICE_ERRORS):
        return _classify_code(getattr(error, "error_code", None))
    if isinstance(error, RuntimeError):
        if OUT_OF_MEMORY_TEXT.search(str(error)):
            return Fault.OUT_OF_MEMORY
        if DEVICE_LOST_TEXT.search(str(error)):
            return Fault.DEVICE_LOST
    return Fault.DEVICE_LOST if isinstance(error, DeviceLost) else Fault.JOB


def _classify_code(code: int | None) -> Fault:
    if code == OUT_OF_MEMORY_CODE:
        return Fault.OUT_OF_MEMORY
    return Fault.JOB if code in HARMLESS_CODES else Fault.DEVICE_LOST


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed."""

    error: Exception
    fault: Fault

    @property
    def answer(self) -> Exception:
        """What to tell whoever waits: the error, in the service's terms where it has some."""
        if self.fault is Fault.OUT_OF_MEMORY and not isinstance(self.error, OutOfMemory):
            return OutOfMemory(f"the picture does not fit into the GPU's memory: {self.error}")
        if self.fault is Fault.DEVICE_LOST and not isinstance(self.error, DeviceLost):
            return DeviceLost(f"the device computes no more: {self.error}")
        return self.error


def attempt(call: Callable[[], object]) -> Failure | None:
    """Call; return why it failed, with nothing of the attempt left in memory, or None."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # the boundary at which errors become values
        failure = Failure(error, classify(error))
    else:
        return None
    _clear(failure.error)
    return failure


def free_memory() -> None:
    """Give what PyTorch keeps for later back to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _clear(error: BaseException | None) -> None:
    """Drop the local variables of the frames that an error, and those that led to it, passed through."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

"""Classify errors by their scope: one job, all jobs that share the memory, or every job on this device.

Recovery never happens inside an `except` block, where the traceback keeps every tensor of the failed attempt alive.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TypeVar

import torch

from shared.errors import DeviceLost, OutOfMemory

T = TypeVar("T")

# cudaError_t codes. After a code of the second set the context still works: only the call was wrong.
OUT_OF_MEMORY_CODE = 2
# Invalid value, invalid configuration, too many resources for a launch; from 900 on: a recording failed.
HARMLESS_CODES = {1, 9, 701, *range(900, 909)}

# Libraries below PyTorch report these as plain RuntimeErrors. A handle that cannot be initialised, or a convolution
# without a usable algorithm, nearly always means too little memory for the workspace.
OUT_OF_MEMORY_TEXT = re.compile(
    r"out of memory|can't allocate memory"
    r"|(CUBLAS|CUDNN|CUSOLVER)_STATUS_\w*(ALLOC_FAILED|ALLOCATION_FAILED|NOT_INITIALIZED)"
    r"|unable to find an engine|unable to find a valid cudnn algorithm",
    re.IGNORECASE,
)
# What an error says after which the context still works: as in HARMLESS_CODES, or a refusal by a library.
HARMLESS = (
    r"captur|invalid (configuration )?argument|too many resources|"
    r"CU[A-Z]+_STATUS_(NOT_SUPPORTED|INVALID_VALUE|ARCH_MISMATCH)"
)
DEVICE_LOST_TEXT = re.compile(
    rf"(^CUDA (driver )?error|Triton Error \[CUDA\])(?!.*({HARMLESS}))|(CUBLAS|CUDNN)_STATUS_EXECUTION_FAILED"
)


class Fault(Enum):
    """The scope of an error."""

    OUT_OF_MEMORY = auto()  # the same work may fit with fewer jobs beside it
    DEVICE_LOST = auto()  # this process can no longer compute
    JOB = auto()  # only this job


def classify(error: BaseException) -> Fault:
    """Return the scope of a computation's error."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return Fault.OUT_OF_MEMORY
    if isinstance(error, torch.AcceleratorError):
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
    """A failed attempt."""

    error: Exception
    fault: Fault

    @property
    def reason(self) -> str:
        """The error's class, and the first line of what it says."""
        lines = str(self.error).strip().splitlines() or [""]
        return f"{type(self.error).__name__}: {lines[0]}"

    @property
    def answer(self) -> Exception:
        """The error to report to the caller, as one of the service's errors if there is a match."""
        if self.fault is Fault.OUT_OF_MEMORY and not isinstance(self.error, OutOfMemory):
            return OutOfMemory(f"the picture does not fit into the GPU's memory: {self.error}")
        if self.fault is Fault.DEVICE_LOST and not isinstance(self.error, DeviceLost):
            return DeviceLost(f"the device has stopped computing: {self.error}")
        return self.error


def attempt(call: Callable[[], object]) -> Failure | None:
    """Call a function. Return why it failed, or None if it succeeded."""
    outcome = outcome_of(call)
    return outcome if isinstance(outcome, Failure) else None


def outcome_of(call: Callable[[], T]) -> T | Failure:
    """Return a function's result, or why it failed, with none of its tensors kept in memory."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # the boundary at which errors become values
        failure = Failure(error, classify(error))
    _clear(failure.error)
    return failure


def is_lost(device: torch.device) -> bool:
    """Return whether a device can no longer compute. An error's text does not always tell, so the device is asked."""
    failure = attempt(partial(_compute, device))
    return failure is not None and failure.fault is Fault.DEVICE_LOST


def _compute(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    torch.ones(1, device=device).item()


def free_memory() -> None:
    """Return PyTorch's cached memory to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _clear(error: BaseException | None) -> None:
    """Drop the local variables of all frames in an error's traceback and in those of its causes."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

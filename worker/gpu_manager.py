"""The compute device: its properties, its memory, and how a pipeline is placed on it."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pynvml
import torch

from shared.gpu_profiles import GIB, choose_profile
from shared.schemas import GPUStatus
from shared.settings import GPUProfile
from worker import memory_plan
from worker.attention import xformers_is_faster
from worker.gpu_claim import claim_gpu
from worker.model_setup import Answer, Setup

logger = logging.getLogger("ai_models")


def _index(device: str, locks: Path | None) -> int:
    """Return the index in "cuda:<index>"; for "cuda", the first GPU that can be claimed, or else the first one."""
    _, _, index = device.partition(":")
    if index or locks is None:
        return int(index or 0)
    devices = range(torch.cuda.device_count())
    return claim_gpu(locks, [str(torch.cuda.get_device_properties(device).uuid) for device in devices])


class GPUManager:
    """The device that this process computes on."""

    def __init__(self, device: str, profiles: Mapping[str, GPUProfile], locks: Path | None = None) -> None:
        """Choose the device and its profile.

        Args:
            device: "auto" (the first GPU, else the CPU), "cpu", "cuda" or "cuda:<index>".
            profiles: the GPU profiles by name.
            locks: folder in which a machine's workers each claim a GPU. If None, the first GPU is used unclaimed.

        Raises:
            RuntimeError: a GPU was requested, and none exists or is free.
            OSError: the folder of locks cannot be used.
        """
        wanted = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(wanted)
        self.offloads = False
        self.decode_gib = memory_plan.VAE_DECODE_GIB
        if self.is_gpu:
            if not torch.cuda.is_available():
                raise RuntimeError(f"device {device!r} is set, but this machine has no usable CUDA GPU")
            self.device = torch.device("cuda", _index(wanted, locks))
            torch.cuda.set_device(self.device)
        total = torch.cuda.get_device_properties(self.device).total_memory / GIB if self.is_gpu else None
        self.profile_name = choose_profile(total, profiles)
        self.profile = profiles[self.profile_name]
        self._process = psutil.Process()

    @property
    def is_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @property
    def free_gib(self) -> float:
        """The GPU's free memory, including what PyTorch has cached; infinite on a CPU."""
        if not self.is_gpu:
            return math.inf
        kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return (torch.cuda.mem_get_info(self.device)[0] + kept) / GIB

    @property
    def batch_limit(self) -> int:
        """The number of images in one batch: as many as fit into free memory, within the profile's range."""
        if not self.is_gpu:
            return self.profile.batch_max
        return memory_plan.batch_limit(self.free_gib, self.profile, self.decode_gib)

    def get_gpu_status(self) -> GPUStatus:
        """Return the device's state.

        Values that the device does not report are None. On a CPU, the memory is the machine's.
        """
        return self._gpu_status() if self.is_gpu else self._cpu_status()

    def optimize_pipeline(self, pipeline: Any) -> Setup:
        """Place a diffusers pipeline on the device; return what was enabled, and why.

        If not everything fits, the networks of the denoising loop stay on the GPU. The text encoders and the VAE, which
        a job needs only once, are offloaded to host memory.
        """
        loop = (pipeline.unet, pipeline.controlnet)
        once = (pipeline.text_encoder, pipeline.text_encoder_2, pipeline.vae)
        whole_gib, free_gib = memory_plan.weights_gib((*loop, *once)), self.free_gib
        self.decode_gib = memory_plan.decode_gib(pipeline.vae)
        self.offloads = self.profile.cpu_offload and memory_plan.must_offload(free_gib, whole_gib, self.decode_gib)
        for part in loop if self.offloads else (*loop, *once):
            part.to(self.device)
        # A CPU only gains from it in half precision.
        channels_last = self.is_gpu or pipeline.unet.dtype != torch.float32
        if channels_last:
            for part in (*loop, pipeline.vae):
                part.to(memory_format=torch.channels_last)
        why = f"{whole_gib:.1f} GiB of weights, {free_gib:.1f} GiB free" if self.is_gpu else "no GPU"
        setup = Setup(
            profile=self.profile_name,
            device=str(self.device),
            dtype=str(pipeline.unet.dtype).removeprefix("torch."),
            cpu_offload=Answer(self.offloads, why),
            attention=self._choose_attention(pipeline),
            channels_last=Answer(True) if channels_last else Answer(False, "a CPU in float32"),
        )
        logger.info("pipeline prepared: %s", setup.texts())
        return setup

    def _choose_attention(self, pipeline: Any) -> str:
        """Set and return how attention is computed: "xformers" or "sdpa". Slicing is slower on every card."""
        if self.is_gpu and xformers_is_faster(self.device, pipeline.unet.dtype):
            pipeline.enable_xformers_memory_efficient_attention()
            return "xformers"
        return "sdpa"

    @contextmanager
    def memory_monitor(self, operation_name: str) -> Iterator[None]:
        """Log the block's duration and the change in memory, even if it fails."""
        before, started = self._used_gib(), time.perf_counter()
        if self.is_gpu:
            torch.cuda.reset_peak_memory_stats(self.device)
        try:
            yield
        finally:
            peak = f", peak {torch.cuda.max_memory_allocated(self.device) / GIB:.2f} GiB" if self.is_gpu else ""
            logger.info(
                "%s: %.2f s, memory %.2f -> %.2f GiB%s",
                operation_name,
                time.perf_counter() - started,
                before,
                self._used_gib(),
                peak,
            )

    def _used_gib(self) -> float:
        """Return the memory that this process uses: the GPU's, or on a CPU the resident set."""
        used = torch.cuda.memory_allocated(self.device) if self.is_gpu else self._process.memory_info().rss
        return used / GIB

    def _gpu_status(self) -> GPUStatus:
        free, total = torch.cuda.mem_get_info(self.device)
        return GPUStatus(
            available=True,
            name=torch.cuda.get_device_name(self.device),
            profile=self.profile_name,
            total_memory_gib=round(total / GIB, 2),
            free_memory_gib=round(free / GIB, 2),
            used_memory_gib=round((total - free) / GIB, 2),
            **self._sensors(),
        )

    def _cpu_status(self) -> GPUStatus:
        memory = psutil.virtual_memory()
        return GPUStatus(
            available=False,
            name="CPU",
            profile=self.profile_name,
            total_memory_gib=round(memory.total / GIB, 2),
            free_memory_gib=round(memory.available / GIB, 2),
            used_memory_gib=round(self._used_gib(), 2),
        )

    def _sensors(self) -> dict[str, float | None]:
        """Return temperature, power and utilisation from NVML, as far as the card and driver report them."""
        readings: dict[str, float | None] = {}
        try:
            pynvml.nvmlInit()
            # By UUID: NVML numbers all cards, CUDA only those in CUDA_VISIBLE_DEVICES.
            uuid = f"GPU-{torch.cuda.get_device_properties(self.device).uuid}"
            handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            sensors: dict[str, Callable[[], float]] = {
                "temperature_c": lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
                "power_w": lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
                "utilisation_percent": lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu,
            }
            for name, read in sensors.items():
                try:
                    readings[name] = float(read())
                except pynvml.NVMLError_NotSupported:
                    readings[name] = None
        except pynvml.NVMLError as error:
            logger.debug("NVML: %s", error)
        return readings

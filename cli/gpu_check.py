"""The check of the GPUs: whether there are any, and whether torch can use them."""

from collections.abc import Iterator

from cli.finding import Finding, Level
from shared.gpu_profiles import CPU_PROFILE, GIB, choose_profile
from shared.settings import Settings


def check_gpu(settings: Settings) -> Iterator[Finding]:
    """Check for NVIDIA GPUs, and report the profile of each."""
    try:
        import pynvml  # noqa: PLC0415  # only workers have it
    except ImportError:
        yield Finding(Level.WARN, "GPU", "nvidia-ml-py is not installed", "pip install nvidia-ml-py to see GPUs")
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        yield _no_gpu(settings, str(error))
        return
    try:
        count = pynvml.nvmlDeviceGetCount()
        for index in range(count):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = pynvml.nvmlDeviceGetName(handle)
            total_gib = pynvml.nvmlDeviceGetMemoryInfo(handle).total / GIB
            profile = choose_profile(total_gib, settings.gpu_profiles)
            yield Finding(Level.OK, f"GPU {index}", f"{name}, {total_gib:.1f} GiB, profile {profile}")
        if count:
            yield from check_torch(settings)
        else:
            yield _no_gpu(settings, "the driver finds no card")
    except pynvml.NVMLError as error:
        yield Finding(Level.WARN, "GPU", f"the driver does not answer: {error}", "check nvidia-smi")
    finally:
        pynvml.nvmlShutdown()


def check_torch(settings: Settings) -> Iterator[Finding]:
    """Check whether torch, if it is installed, can use a GPU that the driver reports."""
    try:
        import torch  # noqa: PLC0415  # only workers have it
    except ImportError:
        return
    except OSError as error:
        yield Finding(Level.FAIL, "torch", f"cannot be loaded: {error}", "install torch's build for this driver")
        return
    text = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        yield Finding(Level.OK, "torch", f"{text} can use the GPU")
    else:
        level = Level.FAIL if settings.device.startswith("cuda") else Level.WARN
        advice = "install torch's build for CUDA, and a driver that is new enough for it"
        yield Finding(level, "torch", f"{text} cannot use the GPU: pictures are drawn on the CPU", advice)


def _no_gpu(settings: Settings, reason: str) -> Finding:
    text = f"none ({reason}): pictures are drawn on the CPU, profile {CPU_PROFILE}"
    if settings.device.startswith("cuda"):
        return Finding(
            Level.FAIL, "GPU", f"none ({reason}), but device is {settings.device}", "install the NVIDIA driver"
        )
    if settings.model != "embedded":
        advice = "a picture takes minutes; install the NVIDIA driver, or use WRITING_MODEL=embedded"
        return Finding(Level.WARN, "GPU", text, advice)
    return Finding(Level.OK, "GPU", text)

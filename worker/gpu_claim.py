"""A machine's workers each claim a GPU."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path


def claim_gpu(locks: Path, uuids: Sequence[str]) -> int:
    """Return the index of a GPU that no other process on this machine has claimed, and claim it for this process.

    The claim is a lock on a file, which the kernel releases when the process ends for any reason. Containers share
    claims through a volume.

    Args:
        locks: folder of the lock files; created if necessary.
        uuids: of the GPUs, by index. CUDA_VISIBLE_DEVICES can give an index a different GPU in each process.

    Raises:
        RuntimeError: all GPUs are claimed.
        OSError: the folder cannot be used.
    """
    locks.mkdir(parents=True, exist_ok=True)
    for index, uuid in enumerate(uuids):
        # Kept open for the process's lifetime: closing it would release the claim.
        file = os.open(locks / f"gpu-{uuid}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            return index
    raise RuntimeError(f"all {len(uuids)} GPUs are in use by other workers ({locks}); start at most one worker per GPU")

# The GPU side. The CUDA libraries come with torch's wheel; the host needs the NVIDIA driver and container toolkit.
FROM python:3.12-slim

# A C compiler: torch.compile builds the launchers of its kernels with it. Any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# Folders that volumes are mounted on belong to the user that the worker runs as.
RUN useradd --uid 1000 --create-home service \
    && mkdir /models /locks \
    && chown service /models /locks
WORKDIR /app

# The dependencies' layer stays cached while only code changes.
COPY pyproject.toml constraints.txt README.md ./
COPY shared shared
COPY api/__init__.py api/__init__.py
COPY api/routes/__init__.py api/routes/__init__.py
COPY local/__init__.py local/__init__.py
COPY client client
COPY worker worker
RUN pip install --no-cache-dir -c constraints.txt -e '.[worker,client]'
COPY config config

USER 1000
CMD ["python", "-m", "worker.main"]

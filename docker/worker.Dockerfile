# The GPU side. The CUDA libraries come with torch's wheel; the host needs the NVIDIA driver and container toolkit.
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist . ./client

FROM python:3.12-slim
# torch.compile builds the launchers of its kernels with a C compiler. Any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# The folders on which volumes are mounted must belong to the worker's user.
RUN useradd --uid 1000 --create-home service \
    && mkdir /models /locks \
    && chown service /models /locks
WORKDIR /app
COPY constraints.txt ./
COPY --from=build /dist /dist
RUN pip install --no-cache-dir -c constraints.txt \
    /dist/writing_client-*.whl "$(ls /dist/writing_service-*.whl)[worker,client,object-store]"

# Mount your own files over these, such as /app/config/styles.yaml.
COPY config config
ENV WRITING_CONFIG=/app/config

USER 1000
CMD ["writing-service", "worker"]

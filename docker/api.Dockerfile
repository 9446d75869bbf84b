# The HTTP side: no torch, no GPU. Also runs Flower.
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist . ./client

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home service
WORKDIR /app
COPY constraints.txt ./
COPY --from=build /dist /dist
RUN pip install --no-cache-dir -c constraints.txt \
    /dist/writing_client-*.whl "$(ls /dist/writing_service-*.whl)[api,client,flower,object-store]"

# Mount your own files over these, such as /app/config/styles.yaml.
COPY config config
ENV WRITING_CONFIG=/app/config

USER 1000
EXPOSE 8600
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-m", "api.probe", "8600", "/health"]
CMD ["writing-service", "api"]

# The HTTP side: no torch, no GPU. Also runs Flower.
FROM python:3.12-slim

RUN useradd --uid 1000 --create-home service
WORKDIR /app

COPY pyproject.toml constraints.txt README.md ./
COPY shared shared
COPY api api
COPY worker/__init__.py worker/__init__.py
COPY worker/background/__init__.py worker/background/__init__.py
COPY worker/conditioning/__init__.py worker/conditioning/__init__.py
COPY worker/engine/__init__.py worker/engine/__init__.py
COPY worker/glyphs/__init__.py worker/glyphs/__init__.py
COPY worker/picture_work/__init__.py worker/picture_work/__init__.py
COPY worker/scene/__init__.py worker/scene/__init__.py
COPY embedded/__init__.py embedded/__init__.py
COPY client/__init__.py client/__init__.py
RUN pip install --no-cache-dir -c constraints.txt -e '.[api,flower]'
COPY config config

USER 1000
EXPOSE 8600
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-m", "api.probe", "8600", "/health"]
CMD ["python", "-m", "api"]

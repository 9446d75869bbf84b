"""The web pages."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

WEB = Path(__file__).resolve().parents[1] / "web"
# They change only with a new version; browsers revalidate them.
REVALIDATE_S = 0

pages = Blueprint("pages", __name__)


@pages.get("/")
def page() -> Response:
    """Serve the page for teachers and learners."""
    return _file("index.html")


@pages.get("/admin")
def admin() -> Response:
    """Serve the operator's page."""
    return _file("admin.html")


@pages.get("/static/<path:name>")  # send_from_directory refuses paths outside the folder
def static(name: str) -> Response:
    """Serve the pages' static files."""
    return _file(name)


def _file(name: str) -> Response:
    return send_from_directory(WEB, name, max_age=REVALIDATE_S)

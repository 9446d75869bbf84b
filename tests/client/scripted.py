"""A service that answers by a script."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JOB = "/api/writing/jobs/j"
DECKS = "/api/writing/decks"
POST = "/api/writing/generate-writing-image"
RESULT = {
    "success": True,
    "generated_image_base64": "aGk=",
    "conditioning_images_base64": {},
    "prompt_used": "p",
    "generation_metadata": {"seed": 5},
}

STATUS = {
    "version": "0.1",
    "model": "embedded",
    "models": {},
    "default_size": 512,
    "draw_imagery": True,
    "qualities": ["exact"],
    "profiles": [],
    "styles": {name: {"label": name.capitalize(), "controlnet_weights": {}} for name in ("comic", "oil")},
    "methods": {},
    "unavailable_methods": {},
    "queue_depth": {"interactive": 0, "bulk": 0},
    "workers": [],
}


@dataclass
class Answer:
    """A response of a scripted service; a `body` of text is a stream of events, bytes a ZIP archive, any other JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False


class Scripted(ThreadingHTTPServer):
    """A service that answers each call with the next response of its script, and repeats the last one."""

    daemon_threads = True

    def __init__(self, script: dict[str, list[Answer]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.seen: list[tuple[str, dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def headers_of(self, call: str) -> list[dict[str, str]]:
        return [headers for seen, headers, _ in self.seen if seen == call]


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def _answer(self) -> None:
        call = f"{self.command} {self.path.removesuffix('?result=links')}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.seen.append((call, dict(self.headers), body))
        answers = self.server.script.get(call, [Answer(404, {"code": "not_found", "detail": "?", "title": "?"})])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        content, media_type = _content(answer.body)
        self.send_response(answer.status)
        own = {
            "Content-Type": media_type,
            "Content-Length": str(len(content) + (10 if answer.is_cut else 0)),
        }
        for name, value in (own | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = answer.is_cut

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the library's names


def _content(body: Any) -> tuple[bytes, str]:
    if isinstance(body, bytes):
        return body, "application/zip"
    if isinstance(body, str):
        return body.encode(), "text/event-stream"
    return json.dumps(body).encode(), "application/json"


def accepted() -> Answer:
    return Answer(202, {"job_id": "j", "status": "queued", "status_url": JOB})


def view(status: str, **changed: Any) -> Answer:
    document = {
        "job_id": "j",
        "status": status,
        "stage": status,
        "progress": {"step": 0, "total_steps": 0},
        "queue_position": None,
        "result": RESULT if status == "succeeded" else None,
        "error": None,
    }
    return Answer(200, document | changed)


def word_view(index: int, word: str, status: str = "succeeded", **changed: Any) -> dict[str, Any]:
    """Return a word of a deck as polled."""
    document = {
        "index": index,
        "line": None,
        "word": word,
        "reading": "",
        "meaning": "",
        "status": status,
        "job_id": "j",
        "status_url": JOB,
        "image_url": f"{JOB}/image",
        "error": None,
    }
    return document | changed


def deck_view(*words: dict[str, Any], deck_id: str = "d") -> Answer:
    """Return a deck as polled."""
    document = {
        "deck_id": deck_id,
        "name": "Words",
        "is_finished": True,
        "total": len(words),
        "counts": {},
        "zip_url": f"{DECKS}/{deck_id}.zip",
        "apkg_url": f"{DECKS}/{deck_id}.apkg",
        "words": words,
    }
    return Answer(200, document)


def deck_accepted(deck_id: str = "d") -> Answer:
    document = {"deck_id": deck_id, "status_url": f"{DECKS}/{deck_id}", "accepted": 1, "refused": 0, "read_as": None}
    return Answer(202, document)


def refused(status: int, code: str, field: str | None = "word", **headers: str) -> Answer:
    return Answer(status, {"code": code, "title": "T.", "detail": "why", "field": field}, headers)


def event(name: str, data: Any, event_id: str = "") -> str:
    return (f"id: {event_id}\n" if event_id else "") + f"event: {name}\ndata: {json.dumps(data)}\n\n"


def progress(step: int) -> str:
    told = {"status": "running", "stage": "diffusion", "step": step, "total_steps": 9}
    return event("progress", told, f"{step}-0")


END = event("end", {"status": "succeeded", "error": None}, "9-0")

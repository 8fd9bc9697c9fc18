"""A model that speaks OpenAI's API on loopback, and knows what it served."""

from __future__ import annotations

import json
import queue
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERED_BY = "gpt-4o-mini-2024-07-18"  # a model answers under another name than it was asked for
REFUSALS = {"limited": 429, "broken": 500}
SLOW_SECONDS = 0.4


@dataclass
class Served:
    """What one caller got: calls that were answered and refused, and tokens."""

    answered: int = 0
    refused: int = 0
    input: int = 0
    output: int = 0


@dataclass
class Model:
    """``url``: what a client is given. ``served``: by caller, whom a question names (``hello@CALLER``)."""

    url: str = ""
    served: dict[str, Served] = field(default_factory=lambda: defaultdict(Served))
    _asked: dict[str, queue.Queue[str]] = field(default_factory=lambda: defaultdict(queue.Queue))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def let(self, caller: str, *questions: str) -> None:
        """``caller``, who asks for it, is to ask ``questions``: ``slow``, ``limited``, ``broken`` or any."""
        for question in questions:
            self._asked[caller].put(f"{question}@{caller}")

    def next_for(self, caller: str) -> str:
        """Empty where there is none for a while."""
        try:
            return self._asked[caller].get(timeout=0.5)
        except queue.Empty:
            return ""

    def answer(self, text: str) -> tuple[int, dict[str, Any]]:
        question, _, caller = text.partition("@")
        with self._lock:
            served = self.served[caller]
            if question in REFUSALS:
                served.refused += 1
                return REFUSALS[question], {
                    "error": {"message": question, "type": question, "code": question}
                }
            if question == "slow":
                threading.Event().wait(SLOW_SECONDS)
            given, said = 10 + len(question), 3 * len(question)
            served.answered += 1
            served.input += given
            served.output += said
        usage = {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said}
        message = {"role": "assistant", "content": "yes"}
        return 200, {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 1,
            "model": ANSWERED_BY,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }


@contextmanager
def running_model() -> Iterator[Model]:
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self._send(200, model.next_for(self.path.rpartition("/")[2]).encode(), "text/plain")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = model.answer(asked["messages"][0]["content"])
            self._send(status, json.dumps(answer).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read no access log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        model.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield model
        server.shutdown()
        thread.join(timeout=5)

"""httpcore without its asynchronous half and what only that needs."""

from __future__ import annotations

import subprocess
import sys

LEAN = "import sys\nfrom wfmon.sources import leanhttpcore\nleanhttpcore.load()\n"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_questions_load_neither_anyio_nor_certifi() -> None:
    shown = run(
        f"{LEAN}from wfmon.sources import deadline, plainhttp\n"
        "names = ('anyio', 'certifi', 'httpx', 'httpcore._async')\n"
        "print([name for name in names if name in sys.modules])\n"
    )
    assert shown == "[]"


def test_its_own_tls_settings_find_the_ca_file() -> None:
    shown = run(
        f"{LEAN}import httpcore\n"
        "print(len(httpcore.default_ssl_context().get_ca_certs()) > 10, 'certifi' in sys.modules)\n"
    )
    assert shown == "True True"


def test_httpx_works_on_it() -> None:
    """It answers what a plain question cannot."""
    shown = run(
        f"{LEAN}import httpx, anyio\n"
        "from wfmon.sources import httpclient\n"
        "with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204))) as client:\n"
        "    print(client.get('http://it').status_code, anyio.__name__)\n"
    )
    assert shown == "204 anyio"


def test_what_came_first_stays() -> None:
    shown = run(
        "import httpcore, anyio\n"
        "from wfmon.sources import leanhttpcore\n"
        "leanhttpcore.load()\n"
        "import sys\n"
        "print(sys.modules['httpcore'] is httpcore, sys.modules['anyio'] is anyio)\n"
    )
    assert shown == "True True"

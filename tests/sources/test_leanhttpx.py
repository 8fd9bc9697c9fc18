"""What loading the HTTP client costs others."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
{before}
from wfmon.sources.leanhttpx import httpx
assert "httpx._main" not in sys.modules or {loaded}, "half a module is left behind"
assert callable(httpx.main) and httpx.Client
print("click" in sys.modules)
"""


@pytest.mark.parametrize(("before", "loaded"), [("", False), ("import httpx", True)])
def test_the_command_line_of_httpx_is_not_loaded_by_us(before: str, loaded: bool) -> None:
    pytest.importorskip("click")
    code = CODE.format(before=before, loaded=loaded)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)

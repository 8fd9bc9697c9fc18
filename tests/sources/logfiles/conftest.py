"""What every test here leaves behind is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sources.logfiles.helpers import OPEN


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()

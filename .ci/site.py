"""What the site does with links that lead out of `docs`: they go to the repository."""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import re
from typing import Any

REPOSITORY = "https://github.com/tap-analytics/tap-analytics/blob/main/"
OUTSIDE = re.compile(r"\]\(\.\./")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns a page whose links work on the site."""
    return OUTSIDE.sub(f"]({REPOSITORY}", markdown)

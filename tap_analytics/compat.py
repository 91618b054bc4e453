"""What only later versions of Python have in their own library."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from typing import Self, override
else:
    from typing_extensions import Self, override

__all__ = ["Self", "override"]

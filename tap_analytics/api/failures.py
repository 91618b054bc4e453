"""Why no answer came, in a few words."""

from __future__ import annotations

import requests


def reason(error: requests.RequestException) -> str:
    """Return in a few words why no answer came."""
    if isinstance(error, requests.Timeout):
        is_connected = not isinstance(error, requests.ConnectTimeout)
        return f"no {'answer' if is_connected else 'connection'} within the time-out"
    here: BaseException | None = error
    innermost: BaseException = error
    while here is not None:
        innermost = here
        if isinstance(here, OSError) and here.strerror:
            return here.strerror
        here = getattr(here, "reason", None) or here.__cause__ or here.__context__
        if not isinstance(here, BaseException):
            break
    if isinstance(innermost, TimeoutError):
        return "no answer within the time-out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut off"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return f"the answer can't be decompressed ({innermost})"
    return " ".join(str(innermost).split()) or type(innermost).__name__

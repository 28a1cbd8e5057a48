"""Requests that a page in a browser sends, of which the user need not know."""

from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web


def is_of_another_site(request: web.Request, allowed: Collection[str] = ()) -> bool:
    """Whether a page of a site that is not allowed sends this: browsers say so, and no page can change it."""
    origin = request.headers.get("Origin")
    if origin is not None and origin in allowed:
        return False
    match request.headers.get("Sec-Fetch-Site"):
        case "cross-site" | "same-site":
            return True
        case "same-origin":  # a proxy in between may have changed the host
            return False
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.host
    except ValueError:
        return True

"""The HTTP interface: versioned, keyed, and every error a problem of RFC 9457."""

from cloud.api.build import build_api

__all__ = ["build_api"]

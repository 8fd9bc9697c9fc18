"""What goes wrong in the workload: real exceptions, raised some frames deep, with real tracebacks."""

from __future__ import annotations


class ValidationError(ValueError):
    """The answer of a model is not what was asked for."""


class RateLimited(RuntimeError):
    """The provider wants us to come back later."""


def call_service(provider: str, problem: str, seconds: float) -> None:
    """Raises the exception that ``problem`` names."""
    try:
        read_response(provider, problem, seconds)
    except ConnectionResetError as reset:
        raise ConnectionError(f"{provider}: giving up the connection") from reset


def read_response(provider: str, problem: str, seconds: float) -> None:
    if problem == "timeout":
        raise TimeoutError(f"api.{provider}.example 504 after {seconds:g} s")
    if problem == "validation":
        raise ValidationError("field 'total' missing in the extracted invoice")
    if problem == "rate_limit":
        raise RateLimited(f"api.{provider}.example 429 Too Many Requests, retry in 0.2 s")
    if problem == "connection":
        raise ConnectionResetError(104, "Connection reset by peer")
    raise LookupError(f"no such problem: {problem}")

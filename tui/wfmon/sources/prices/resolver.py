"""Unit prices of models as genai-prices knows them: ``python -m wfmon.sources.prices.resolver``.

A process of its own, because the package takes a quarter of a second and 30 MB (alerting-and-burn 1). It
reads a JSON list of ``{"provider", "model", "service"}`` and writes
``{"version": "0.2.3", "prices": [null | {...}]}``, in USD per million tokens. It asks nobody: the prices are
those that are installed with the package.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Any

RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}
MOST = 2000
# What sources call a provider, where the price data has another word.
PROVIDERS = {
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "bedrock": "aws",
    "aws.bedrock": "aws",
    "amazon_bedrock": "aws",
    "azure_openai": "azure",
    "azure.ai.openai": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.inference": "azure",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
CONTEXTS: Mapping[str, Mapping[str, str]] = {
    "": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"speed": "fast"},
}


def main() -> int:
    wanted = json.load(sys.stdin)[:MOST]
    warnings.simplefilter("ignore")
    found = {"version": version("genai-prices"), "prices": [_price(each) for each in wanted]}
    json.dump(found, sys.stdout)
    return 0


def _price(wanted: Mapping[str, str]) -> dict[str, Any] | None:
    """None where it is not known, also where the service should change the price and does not: a price
    that is wrong is worse than none."""
    context = CONTEXTS.get(wanted["service"])
    if context is None:
        return None
    for provider, model in _names(wanted["provider"], wanted["model"]):
        standard = _look_up(provider, model, {})
        if standard is None:
            continue
        if context:
            special = _look_up(provider, model, context)
            if special is None or special.model_price == standard.model_price:
                return None
            standard = special
        return _told(standard)
    return None


def _names(provider: str, model: str) -> Iterator[tuple[str | None, str]]:
    """As it is told, then without what gateways put before a model. A provider that is told is never left
    out: a model that runs at home has a name that others sell."""
    known = PROVIDERS.get(provider.lower(), provider.lower()) or None
    yield known, model
    head, _, rest = model.partition("/")
    if rest:
        if head in ("models", "ft"):
            yield known, rest
        elif known is None or PROVIDERS.get(head.lower(), head.lower()) == known:
            yield PROVIDERS.get(head.lower(), head.lower()), rest
    if model.startswith("ft:"):
        return  # a fine-tuned model costs more than the one it was made from


def _look_up(provider: str | None, model: str, context: Mapping[str, str]) -> Any:
    from genai_prices import Usage, calc_price

    try:
        return calc_price(
            Usage(input_tokens=1), model, provider_id=provider, price_context=dict(context) or None
        )
    except (LookupError, ValueError):
        return None


def _told(found: Any) -> dict[str, Any] | None:
    prices = {name: getattr(found.model_price, key) for name, key in RATES.items()}
    if prices["input"] is None:
        return None
    starts = sorted({tier.start for price in prices.values() for tier in getattr(price, "tiers", ())})
    return {
        "matched": f"{found.provider.id}/{found.model.id}",
        **{name: _rate(price, 0) for name, price in prices.items()},
        "tiers": [
            {"above": start, **{name: _rate(price, start + 1) for name, price in prices.items()}}
            for start in starts
        ],
    }


def _rate(price: Any, tokens: int) -> float | None:
    if price is None:
        return None
    rate = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if tokens > tier.start:
            rate = tier.price
    return float(Decimal(rate))


if __name__ == "__main__":
    raise SystemExit(main())

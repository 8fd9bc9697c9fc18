"""An app that calls a model, instrumented: ``genai_app.py METRICS_PORT INSTRUMENTATION SERVICE MODEL_URL``.

``INSTRUMENTATION`` is ``otel`` (OpenTelemetry's own) or ``openllmetry``; its metrics are those of the SDK's
Prometheus reader. What it asks the model it is told by ``MODEL_URL/next/SERVICE``, until it is ended.
"""

from __future__ import annotations

import sys
import urllib.request
from typing import Any

import openai
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import start_http_server

MODEL = "gpt-4o-mini"


def instrumentor(name: str) -> Any:
    if name == "otel":
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

        return OpenAIInstrumentor()
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Traceloop

    return Traceloop()


def main(port: str, instrumentation: str, service: str, url: str) -> None:
    provider = MeterProvider([PrometheusMetricReader()], resource=Resource.create({"service.name": service}))
    instrumentor(instrumentation).instrument(meter_provider=provider)
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=30)
    start_http_server(int(port), addr="127.0.0.1")
    while True:
        with urllib.request.urlopen(f"{url}/next/{service}", timeout=30) as answer:
            question = answer.read().decode()
        if question:
            try:
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": question}])
            except openai.APIError as error:
                print(question, type(error).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])

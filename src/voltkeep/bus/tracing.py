"""Spans for an OpenTelemetry collector. Imported only where the settings name one."""

import asyncio
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer

_NAME = "voltkeep"
_LAST_WORDS_S = 5


class Tracing:
    """Sends spans in batches, from a thread of its own; what a slow collector misses is dropped.

    Sampling, headers and limits are as OpenTelemetry's environment variables say.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create({SERVICE_NAME: _NAME, SERVICE_VERSION: version(_NAME)})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer: Tracer = self._provider.get_tracer(_NAME)

    async def close(self) -> None:
        """Send what is left, if the collector takes it soon."""
        await asyncio.to_thread(self._provider.force_flush, _LAST_WORDS_S * 1000)
        await asyncio.to_thread(self._provider.shutdown)


def tracing_to(endpoint: str) -> Tracing:
    """``endpoint`` is the base address of OTLP over HTTP, as `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    url = f"{endpoint.rstrip('/')}/v1/traces"
    return Tracing(OTLPSpanExporter(endpoint=url, timeout=_LAST_WORDS_S))

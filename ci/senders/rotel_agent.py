"""Rotel, a collector: it receives from OpenTelemetry's SDK and exports to atrail by OTLP."""

import os
import pathlib
import socket
import subprocess
import time

import rotel
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

from common import EVENTS, KEY, URL, pieces


def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


http, work = free(), os.environ["LEDGER_WORK"]
agent = subprocess.Popen([
    pathlib.Path(rotel.__file__).parent / "rotel-agent", "start",
    "--pid-file", f"{work}/rotel.pid", "--log-format", "text",
    "--otlp-http-endpoint", f"127.0.0.1:{http}", "--otlp-grpc-endpoint", f"127.0.0.1:{free()}",
    "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", URL,
    "--otlp-exporter-custom-headers", f"Authorization=Bearer {KEY}",
    "--otlp-exporter-retry-max-elapsed-time", "300s", "--otlp-exporter-retry-max-backoff", "2s",
    "--otlp-exporter-retry-initial-backoff", "200ms", "--batch-timeout", "200ms",
])
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", http)).close()
        break
    except OSError:
        time.sleep(0.1)
provider = LoggerProvider()
exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{http}/v1/logs")
provider.add_log_record_processor(
    BatchLogRecordProcessor(exporter, schedule_delay_millis=200, max_export_batch_size=50, max_queue_size=EVENTS + 1)
)
logger = provider.get_logger("ledger")
for piece in pieces():
    for number in piece:
        logger.emit(LogRecord(timestamp=time.time_ns(), body=f"ledger-{number}-end"))
provider.shutdown()
agent.wait()

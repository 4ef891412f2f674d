"""OpenTelemetry's SDK with its log exporter over HTTP, in protobuf, compressed. The exporter retries for as long as its
timeout allows; a batch that it gives up is exported again."""

import time

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult

from common import EVENTS, KEY, URL, pieces


class Insisting(OTLPLogExporter):
    given_up = 0

    def export(self, batch):
        while (result := super().export(batch)) is not LogRecordExportResult.SUCCESS:
            self.given_up += 1
            time.sleep(0.5)
        return result


exporter = Insisting(
    endpoint=f"{URL}/v1/logs", headers={"Authorization": f"Bearer {KEY}"}, timeout=60, compression=Compression.Gzip
)
provider = LoggerProvider()
provider.add_log_record_processor(
    BatchLogRecordProcessor(
        exporter, schedule_delay_millis=200, max_export_batch_size=50, max_queue_size=EVENTS + 1
    )
)
logger = provider.get_logger("ledger")
for piece in pieces():
    for number in piece:
        logger.emit(LogRecord(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            body=f"ledger-{number}-end",
            event_name="document.open",
            attributes={"user.id": "ann"},
        ))
provider.force_flush(600_000)
provider.shutdown()
print(f"{exporter.given_up} exports were given up")

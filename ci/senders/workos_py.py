"""WorkOS's SDK, whose retries are its own; what it gives up is sent again with the same idempotency key."""

from workos import WorkOSClient
from workos.audit_logs.models import AuditLogEvent

from common import KEY, URL, document, insist, pieces

client = WorkOSClient(api_key=KEY, client_id="ledger", base_url=f"{URL}/")
for piece in pieces():
    for number in piece:
        event = AuditLogEvent.from_dict({
            "action": "document.opened",
            "version": 1,
            "occurred_at": document(number)["@timestamp"],
            "actor": {"type": "user", "id": "ann"},
            "targets": [{"type": "document", "id": f"ledger-{number}-end"}],
            "context": {"location": "192.0.2.1"},
        })
        insist(lambda: client.audit_logs.create_event(
            organization_id="org_ledger", event=event, idempotency_key=f"ledger-{number}"
        ))

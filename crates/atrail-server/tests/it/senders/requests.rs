//! The requests of senders.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A sender, as far as its requests and its conduct go.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) credential: Credential,
    pub(super) fields: &'static [(&'static str, &'static str)],
    pub(super) shape: Shape,
    /// How it writes payloads.
    form: Form,
    /// Whether it drops its events at every answer but a success.
    pub(super) loses_what_is_answered: bool,
}

/// How a sender sends its key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Credential {
    Basic,
    ApiKey,
    Splunk,
    Bearer,
}

/// The shape of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Bulk,
    Hec,
    /// `google.rpc.Status` for errors.
    Otlp,
    /// The same, in Protocol Buffers.
    OtlpProtobuf,
    /// The sender looks at the status alone.
    Status,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// An action line with or without an id, and the document; or a line of the same kind with a blank one after it.
    Bulk {
        action: &'static str,
        has_id: bool,
        ends: &'static str,
    },
    /// Objects, and what is between them.
    Hec { between: &'static str },
    /// The bodies of log records.
    Otlp,
    /// The same, in Protocol Buffers.
    OtlpProtobuf,
    /// The items of a list.
    Kubernetes,
    /// The data of events in a batch.
    CloudEvents,
}

impl Credential {
    pub(super) fn of(self, key: &str) -> String {
        match self {
            Self::Basic => format!("Basic {}", STANDARD.encode(format!("atrail:{key}"))),
            Self::ApiKey => format!("ApiKey {}", STANDARD.encode(format!("id:{key}"))),
            Self::Splunk => format!("Splunk {key}"),
            Self::Bearer => format!("Bearer {key}"),
        }
    }
}

impl Sender {
    /// Returns a body with this many payloads.
    pub(super) fn body(&self, run: usize, payloads: usize) -> Vec<u8> {
        self.body_with(run, payloads, "hello")
    }

    /// The same, with a text in each payload.
    pub(super) fn body_with(&self, run: usize, payloads: usize, text: &str) -> Vec<u8> {
        let payloads: Vec<_> = (0..payloads)
            .map(|number| {
                format!(
                    r#"{{"@timestamp":"2017-07-25T10:00:0{number}.250Z","host":{{"name":"h"}},"message":"{text} {run}"}}"#
                )
            })
            .collect();
        self.of(run, &payloads)
    }

    /// Returns a body with three payloads, of which the second is damaged.
    pub(super) fn damaged(&self, run: usize) -> Vec<u8> {
        let mut payloads = [0, 1, 2].map(|number| {
            format!(r#"{{"@timestamp":"2017-07-25T11:00:0{number}Z","message":"whole {run}"}}"#)
        });
        payloads[1] = format!(r#"{{"@timestamp":"2017-07-25T11:00:01Z","message":"cut {run}"#);
        self.of(run, &payloads)
    }

    /// Returns a body that its protocol cannot read; `None`: there is none, for everything is read.
    pub(super) fn unreadable(&self) -> Option<Vec<u8>> {
        match self.form {
            Form::Bulk { .. } => Some(b"this is no action\n{}\n".to_vec()),
            // What is no object is a text.
            Form::Hec { .. } => None,
            Form::Otlp | Form::OtlpProtobuf | Form::Kubernetes | Form::CloudEvents => {
                let mut body = self.body(0, 1);
                body.pop();
                Some(body)
            }
        }
    }

    fn of(&self, run: usize, payloads: &[String]) -> Vec<u8> {
        if matches!(self.form, Form::OtlpProtobuf) {
            return otlp_protobuf(payloads);
        }
        self.text_of(run, payloads).into_bytes()
    }

    fn text_of(&self, run: usize, payloads: &[String]) -> String {
        match self.form {
            Form::OtlpProtobuf => unreachable!("it is no text"),
            Form::Bulk {
                action,
                has_id,
                ends,
            } => payloads
                .iter()
                .enumerate()
                .map(|(number, payload)| {
                    // An id stands for one document.
                    let id = format!(r#","_id":"{run}-{number}-{}""#, payload.len());
                    let id = if has_id { &id } else { "" };
                    format!("{{\"{action}\":{{\"_index\":\"logs\"{id}}}}}\n{payload}\n{ends}")
                })
                .collect(),
            Form::Hec { between } => {
                let objects: Vec<_> = payloads
                    .iter()
                    .enumerate()
                    .map(|(number, payload)| {
                        format!(
                            r#"{{"time":"150097680{number}.{:03}","host":"h","source":"s","event":{payload}}}"#,
                            250
                        )
                    })
                    .collect();
                objects.join(between)
            }
            Form::Otlp => {
                let records: Vec<_> = payloads
                    .iter()
                    .map(|payload| {
                        let body = Value::from(payload.as_str());
                        format!(r#"{{"observedTimeUnixNano":"1500976800250000000","body":{{"stringValue":{body}}}}}"#)
                    })
                    .collect();
                let records = records.join(",");
                format!(
                    r#"{{"resourceLogs":[{{"resource":{{"attributes":[]}},"scopeLogs":[{{"scope":{{"name":"s"}},"logRecords":[{records}]}}]}}]}}"#
                )
            }
            Form::Kubernetes => {
                let items: Vec<_> = payloads.iter().map(|payload| json_of(payload)).collect();
                format!(
                    r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{}]}}"#,
                    items.join(",")
                )
            }
            Form::CloudEvents => {
                let events: Vec<_> = payloads
                    .iter()
                    .enumerate()
                    .map(|(number, payload)| {
                        format!(
                            r#"{{"specversion":"1.0","id":"{run}-{number}-{}","source":"/s","type":"t","data":{}}}"#,
                            payload.len(),
                            json_of(payload)
                        )
                    })
                    .collect();
                format!("[{}]", events.join(","))
            }
        }
    }
}

/// Returns a request of OTLP with these texts as the bodies of its records.
fn otlp_protobuf(payloads: &[String]) -> Vec<u8> {
    let records = payloads.iter().map(|payload| {
        let time = [&[0x59][..], &1_500_976_800_250_000_000_u64.to_le_bytes()].concat();
        let body = field(5, &field(1, payload.as_bytes()));
        field(2, &[time, body].concat())
    });
    let scope = field(1, &field(1, b"s"));
    let scope_logs = records.fold(scope, |logs, record| [logs, record].concat());
    field(1, &field(2, &scope_logs))
}

/// A field of bytes in a message of Protocol Buffers.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push(u8::try_from(length & 127).unwrap() | 128);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(bytes);
    out
}

/// Returns a payload as JSON: one that is none as a string.
fn json_of(payload: &str) -> String {
    match serde_json::from_str::<Value>(payload) {
        Ok(_) => payload.to_owned(),
        Err(_) => Value::from(payload).to_string(),
    }
}

const NDJSON: (&str, &str) = ("Content-Type", "application/x-ndjson");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");

const fn bulk(
    name: &'static str,
    credential: Credential,
    fields: &'static [(&'static str, &'static str)],
    action: &'static str,
    has_id: bool,
) -> Sender {
    Sender {
        name,
        method: "POST",
        path: "/es/_bulk",
        credential,
        fields,
        shape: Shape::Bulk,
        form: Form::Bulk {
            action,
            has_id,
            ends: "",
        },
        loses_what_is_answered: false,
    }
}

const fn hec(
    name: &'static str,
    path: &'static str,
    credential: Credential,
    fields: &'static [(&'static str, &'static str)],
    between: &'static str,
) -> Sender {
    Sender {
        name,
        method: "POST",
        path,
        credential,
        fields,
        shape: Shape::Hec,
        form: Form::Hec { between },
        loses_what_is_answered: false,
    }
}

/// Every sender.
pub(super) const SENDERS: &[Sender] = &[
    Sender {
        path: "/es/_bulk?filter_path=errors,items.*.error,items.*.status",
        ..bulk(
            "Logstash",
            Credential::Basic,
            &[
                ("Content-Type", "application/json"),
                ("User-Agent", "Manticore 0.9.1"),
            ],
            "create",
            false,
        )
    },
    Sender {
        path: "/es/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status",
        ..bulk(
            "Filebeat",
            Credential::ApiKey,
            &[
                ("Content-Type", "application/json; charset=UTF-8"),
                ("User-Agent", "Elastic-filebeat/8.19.0 (linux; amd64)"),
                GZIP,
            ],
            "create",
            false,
        )
    },
    Sender {
        path: "/es/_bulk?timeout=60s",
        ..bulk(
            "Vector, elasticsearch",
            Credential::Basic,
            &[NDJSON, ("User-Agent", "Vector/0.50.0"), GZIP],
            "create",
            false,
        )
    },
    bulk(
        "Fluent Bit, es",
        Credential::Basic,
        &[NDJSON, ("User-Agent", "Fluent-Bit"), GZIP],
        "create",
        true,
    ),
    bulk(
        "fluentd, elasticsearch",
        Credential::Basic,
        &[NDJSON, ("User-Agent", "elastic-transport-ruby/8.3.2")],
        "index",
        true,
    ),
    Sender {
        form: Form::Bulk {
            action: "index",
            has_id: false,
            ends: "\n",
        },
        loses_what_is_answered: true,
        ..bulk(
            "rsyslog 8.2302, omelasticsearch",
            Credential::Basic,
            // No User-Agent.
            &[("Content-Type", "application/json; charset=utf-8")],
            "index",
            false,
        )
    },
    // A later one says what it is, and sends again what is answered with 401, 429 and 5xx.
    bulk(
        "rsyslog of today, omelasticsearch",
        Credential::Basic,
        &[
            ("Content-Type", "application/json; charset=utf-8"),
            ("User-Agent", "rsyslog/8.2510.0"),
        ],
        "create",
        false,
    ),
    Sender {
        path: "/es/logs/_bulk",
        ..bulk(
            "syslog-ng, http",
            Credential::Basic,
            &[NDJSON, ("User-Agent", "syslog-ng 3.38.1/libcurl 7.88.1")],
            "create",
            false,
        )
    },
    Sender {
        method: "PUT",
        ..bulk(
            "elasticsearch-py 9, helpers.bulk",
            Credential::ApiKey,
            &[
                (
                    "Content-Type",
                    "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
                ),
                (
                    "Accept",
                    "application/vnd.elasticsearch+json; compatible-with=9",
                ),
                ("User-Agent", "elasticsearch-py/9.5.1"),
                GZIP,
            ],
            "create",
            true,
        )
    },
    bulk(
        "elasticsearch-js 9, helpers.bulk",
        Credential::ApiKey,
        &[
            (
                "Content-Type",
                "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
            ),
            ("User-Agent", "elasticsearch-js/9.4.3"),
        ],
        "index",
        true,
    ),
    Sender {
        path: "/es/logs/_doc/_bulk",
        ..bulk(
            "a client of version 6",
            Credential::Basic,
            &[NDJSON, ("User-Agent", "elasticsearch-py/6.8.2")],
            "index",
            false,
        )
    },
    hec(
        "Fluent Bit, splunk",
        "/services/collector/event",
        Credential::Splunk,
        &[("User-Agent", "Fluent-Bit"), GZIP],
        "",
    ),
    hec(
        "Vector, splunk_hec_logs",
        "/services/collector/event",
        Credential::Splunk,
        &[
            ("Content-Type", "application/json"),
            ("User-Agent", "Vector/0.50.0"),
            (
                "X-Splunk-Request-Channel",
                "0aab1c0b-6f0e-4a38-b2f0-7d3c6a2f0c5e",
            ),
        ],
        "",
    ),
    hec(
        "Docker's splunk driver",
        "/services/collector/event/1.0",
        Credential::Splunk,
        &[GZIP, ("User-Agent", "Go-http-client/1.1")],
        "",
    ),
    hec(
        "splunk-logging (JavaScript)",
        "/services/collector/event/1.0",
        Credential::Splunk,
        &[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("User-Agent", "Needle/2.9.1"),
        ],
        "",
    ),
    hec(
        "splunk-handler (Python)",
        "/services/collector",
        Credential::Splunk,
        &[
            ("Content-Type", "application/json"),
            ("User-Agent", "python-requests/2.32"),
        ],
        "\n",
    ),
    hec(
        "the OpenTelemetry collector, splunk_hec",
        "/services/collector/event",
        Credential::Splunk,
        &[
            ("Content-Type", "application/json"),
            ("User-Agent", "otelcol-contrib/0.130.0"),
            GZIP,
        ],
        "\n",
    ),
    hec(
        "a gateway with a list",
        "/services/collector/event",
        Credential::Bearer,
        &[("Content-Type", "application/json")],
        " ",
    ),
    other(
        "OpenTelemetry JS, http/json",
        "/v1/logs",
        &[
            ("Content-Type", "application/json"),
            ("User-Agent", "OTel-OTLP-Exporter-JavaScript/0.223.1"),
            GZIP,
        ],
        Shape::Otlp,
        Form::Otlp,
    ),
    other(
        "OpenTelemetry Python, Rotel, http/protobuf",
        "/v1/logs",
        &[
            ("Content-Type", "application/x-protobuf"),
            ("User-Agent", "OTel-OTLP-Exporter-Python/1.45.2"),
            GZIP,
        ],
        Shape::OtlpProtobuf,
        Form::OtlpProtobuf,
    ),
    other(
        "kube-apiserver",
        "/k8s/audit?timeout=30s",
        &[
            ("Content-Type", "application/json"),
            ("Accept", "application/json, */*"),
            ("User-Agent", "kube-apiserver-admission"),
        ],
        Shape::Status,
        Form::Kubernetes,
    ),
    other(
        "CloudEvents, batched",
        "/cloudevents",
        &[(
            "Content-Type",
            "application/cloudevents-batch+json; charset=utf-8",
        )],
        Shape::Status,
        Form::CloudEvents,
    ),
];

const fn other(
    name: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    shape: Shape,
    form: Form,
) -> Sender {
    Sender {
        name,
        method: "POST",
        path,
        credential: Credential::Bearer,
        fields,
        shape,
        form,
        loses_what_is_answered: false,
    }
}

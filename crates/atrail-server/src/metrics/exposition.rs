//! The Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write};

use atrail_model::HistogramSnapshot;

/// The media type of the format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page in the making. Help texts and label values are the server's own and need no escape; debug builds check the
/// label values.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// One family of samples with one name.
pub(super) struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    /// Adds a family whose samples only grow; the name ends with `_total`.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// Adds a family whose samples grow and shrink.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Adds a family of durations; the name ends with `_seconds`.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        put(
            &mut self.0,
            format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"),
        );
        Family {
            page: &mut self.0,
            name,
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample without labels.
    pub(super) fn value(&mut self, value: impl Display) {
        self.labelled(&[], value);
    }

    /// Adds a sample with labels.
    pub(super) fn labelled(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let name = self.name;
        self.sample(name, "", labels, None, value);
    }

    /// Adds the samples of a histogram.
    pub(super) fn durations(&mut self, labels: &[(&str, &str)], durations: &HistogramSnapshot) {
        let name = self.name;
        for (bound, count) in &durations.cumulative {
            let bound = bound.as_secs_f64().to_string();
            self.sample(name, "_bucket", labels, Some(&bound), count);
        }
        self.sample(name, "_bucket", labels, Some("+Inf"), durations.count);
        self.sample(name, "_sum", labels, None, durations.sum.as_secs_f64());
        self.sample(name, "_count", labels, None, durations.count);
    }

    fn sample(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: impl Display,
    ) {
        put(self.page, format_args!("{name}{suffix}"));
        let bound = bound.map(|bound| ("le", bound));
        let mut separator = '{';
        for (label, text) in labels.iter().copied().chain(bound) {
            debug_assert!(!text.contains(['"', '\\', '\n']), "{text} needs an escape");
            put(self.page, format_args!("{separator}{label}=\"{text}\""));
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        put(self.page, format_args!(" {value}\n"));
    }
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_format_is_that_of_the_specification() {
        let mut page = Page::default();
        let mut family = page.counter("a_total", "Counts a.");
        family.labelled(&[("route", "/v3/sessions/{id}"), ("method", "GET")], 3);
        page.gauge("b", "Is b.").value(1.5);
        let durations = HistogramSnapshot {
            cumulative: vec![(Duration::from_micros(2500), 1)],
            count: 2,
            sum: Duration::from_millis(1250),
        };
        page.histogram("c_seconds", "Takes c.")
            .durations(&[("d", "e")], &durations);
        let expected = "\
# HELP a_total Counts a.
# TYPE a_total counter
a_total{route=\"/v3/sessions/{id}\",method=\"GET\"} 3
# HELP b Is b.
# TYPE b gauge
b 1.5
# HELP c_seconds Takes c.
# TYPE c_seconds histogram
c_seconds_bucket{d=\"e\",le=\"0.0025\"} 1
c_seconds_bucket{d=\"e\",le=\"+Inf\"} 2
c_seconds_sum{d=\"e\"} 1.25
c_seconds_count{d=\"e\"} 2
";
        assert_eq!(page.finish(), expected);
    }
}

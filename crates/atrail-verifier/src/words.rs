//! Formats the result of a verification for people.

use atrail_evidence::{
    Deleted, DomainFacts, Finding, FindingKind, Outcome, ProvenEvent, Report, Span,
};
use atrail_table::{counted, grouped, safe};

use crate::judged::Judged;

/// Returns the lines about one file.
#[must_use]
pub fn lines(judged: &Judged) -> String {
    let mut text = String::new();
    let report = match judged {
        Judged::Report(report) => report,
        Judged::WithoutReceipt { outcome, error, .. } => {
            let label = match outcome {
                Outcome::Inconclusive => FindingKind::Unproven.label(),
                // Nothing is known about the log: it is the receipt that cannot be read.
                _ => "BAD RECEIPT",
            };
            labelled(&mut text, label, error);
            return text;
        }
    };
    if report.outcome == Outcome::Proven {
        labelled(&mut text, "OK", &summary(report));
    } else {
        let finding_lines = report
            .findings
            .iter()
            .map(|finding| (finding.kind.label(), told(finding)));
        finding_lines.for_each(|(label, line)| labelled(&mut text, label, &line));
        if report.findings_left_out > 0 {
            let more = counted(report.findings_left_out, "finding");
            labelled(&mut text, "", &format!("and {more} more"));
        }
        labelled(&mut text, "", &scope(report));
    }
    if report.is_recompressed {
        labelled(&mut text, "", "recompressed, content identical");
    }
    for domain in &report.domains {
        facts(domain)
            .iter()
            .for_each(|line| labelled(&mut text, "", line));
    }
    if let Some(count) = report.acknowledged {
        let line = format!("{} found in the file", counted(count, "acknowledged event"));
        labelled(&mut text, "", &line);
    }
    if report.is_consistent {
        labelled(
            &mut text,
            "",
            "the history of the earlier receipt is a beginning of this one",
        );
    }
    if is_proof_of_nothing(report) {
        let line = "a proof of nothing: no event was recorded for these days and hours, and nothing of these days was deleted";
        labelled(&mut text, "", line);
    }
    if !report.signer.is_empty() {
        labelled(&mut text, "", &format!("signed by {}", report.signer));
    }
    text
}

/// Returns the verdict on one file in one line, without its first word.
#[must_use]
pub fn verdict(judged: &Judged) -> String {
    let report = match judged {
        Judged::Report(report) => report,
        Judged::WithoutReceipt { error, .. } => return error.clone(),
    };
    if report.outcome != Outcome::Proven {
        let findings = report.findings.iter();
        let worst = findings
            .clone()
            .find(|finding| finding.kind.is_fault())
            .or_else(|| findings.clone().next());
        let told = worst.map_or_else(String::new, |finding| {
            format!("{}: {}", finding.kind.label(), told(finding))
        });
        let more = report.findings.len().saturating_sub(1) as u64 + report.findings_left_out;
        return match more {
            0 => told,
            more => format!("{told}, and {} more", counted(more, "finding")),
        };
    }
    let mut text = summary(report);
    let deleted = report
        .domains
        .iter()
        .flat_map(|domain| [&domain.by_request, &domain.by_retention]);
    let deletions = deleted.clone().map(|deleted| deleted.deletions).sum();
    if deletions > 0 {
        let events = deleted.map(|deleted| deleted.events).sum();
        let (deletions, events) = (counted(deletions, "deletion"), counted(events, "event"));
        text += &format!("; {deletions} on record, of {events}");
    }
    let anew = report
        .domains
        .iter()
        .filter(|domain| domain.epoch.is_some());
    match anew.count() {
        0 => {}
        count => text += &format!("; {} began anew", counted(count as u64, "log")),
    }
    text
}

/// Returns whether it is proven that nothing was recorded, as opposed to nothing being left. Where something was
/// deleted, or may have been before the log began anew, this is unknown.
fn is_proof_of_nothing(report: &Report) -> bool {
    let was_deleted = |domain: &DomainFacts| {
        let deletions = domain.by_request.deletions + domain.by_retention.deletions;
        deletions > 0 || domain.epoch.is_some()
    };
    report.outcome == Outcome::Proven
        && report.events == 0
        && !report.domains.iter().any(was_deleted)
}

/// Returns the lines about the proof of one event.
#[must_use]
pub fn event_lines(event: &ProvenEvent) -> String {
    let mut text = String::new();
    let label = if event.is_pinned { "OK" } else { "UNPINNED" };
    let place = format!(
        "{} {} hour {:02}: event {} of segment {}, sealed {}",
        event.domain.replacen('-', " ", 1),
        event.day,
        event.hour,
        grouped(event.index),
        event.segment,
        event.sealed
    );
    labelled(&mut text, label, &place);
    let size = grouped(event.checkpoint_size);
    labelled(
        &mut text,
        "",
        &format!(
            "recorded as of checkpoint {size}, signed by {}",
            event.signer
        ),
    );
    labelled(&mut text, "", &event.event);
    text
}

fn summary(report: &Report) -> String {
    format!(
        "{}, complete as of {}, unmodified",
        scope(report),
        checkpoints(report)
    )
}

fn scope(report: &Report) -> String {
    let (first, last) = report.hours;
    let hours = match (first, last) {
        (0, 23) => String::new(),
        _ => format!(" hours {first}-{last}"),
    };
    format!(
        "{} {}..{}{hours}   {} events",
        report.scope.replacen('-', " ", 1),
        report.start,
        report.end,
        grouped(report.events)
    )
}

fn checkpoints(report: &Report) -> String {
    let size = match report.domains.as_slice() {
        [one] => format!("checkpoint {}", grouped(one.checkpoint_size)),
        many => format!("the checkpoints of {} domains", many.len()),
    };
    format!("{size} ({})", report.created)
}

fn facts(domain: &DomainFacts) -> Vec<String> {
    let mut lines = Vec::new();
    let kinds = [
        (&domain.by_retention, "by retention"),
        (&domain.by_request, "by request"),
    ];
    for (deleted, how) in kinds {
        let Deleted {
            deletions, events, ..
        } = deleted;
        if *deletions > 0 {
            lines.push(format!(
                "{}: {} {how}, {} events",
                domain.domain,
                counted(*deletions, "deletion"),
                grouped(*events)
            ));
        }
    }
    if let Some(epoch) = &domain.epoch {
        let continues = epoch.continues_size.map_or_else(
            || "what was signed before is not known".to_owned(),
            |size| format!("it continues checkpoint {}", grouped(size)),
        );
        lines.push(format!(
            "{}: the log begins anew at {} ({}); {continues}",
            domain.domain, epoch.began, epoch.reason
        ));
    }
    if let Some(kept) = &domain.kept {
        lines.push(format!(
            "{}: of what stood in the earlier receipt, {} of {} are there or deleted on record; its history is no beginning of this one",
            domain.domain,
            counted(kept.segments, "segment"),
            counted(kept.days, "day")
        ));
    }
    lines
}

fn told(finding: &Finding) -> String {
    let location = &finding.location;
    let mut place: Vec<String> = Vec::new();
    place.extend(location.domain.clone());
    place.extend(location.day.clone());
    place.extend(location.hour.map(|hour| format!("hour {hour:02}")));
    place.extend(location.segment.as_ref().map(|id| format!("segment {id}")));
    place.extend(
        location
            .events
            .map(|events| format!("events {}", span(events))),
    );
    place.extend(
        location
            .lines
            .map(|lines| format!("(lines {})", span(lines))),
    );
    if place.is_empty() {
        finding.detail.clone()
    } else {
        format!("{}: {}", place.join(" "), finding.detail)
    }
}

fn span(span: Span) -> String {
    if span.first == span.last {
        grouped(span.first)
    } else {
        format!("{}–{}", grouped(span.first), grouped(span.last))
    }
}

/// Adds a line that begins with a word in capitals, made safe for a terminal: it may hold text of the receipt.
fn labelled(text: &mut String, label: &str, line: &str) {
    *text += format!("{label:<11} {}", safe::for_terminal(line)).trim_end();
    *text += "\n";
}

//! Asks files, without a server, and says whether what they hold is proven.

use std::path::Path;

use atrail_api::{Aggregates, Bucket, Facet, FacetValue, Histogram, Searched};
use atrail_evidence::Outcome;
use atrail_model::Timestamp;
use atrail_search::aggregate::{Buckets, Counting, Counts};
use atrail_search::{Matcher, Order};
use atrail_verifier::verdict;

use super::ask::{Asked, Wanted};
use super::hits::Hits;
use super::offline::{self, Answer, Files, Found, Question, Standing};
use super::said::{self, Matched, Read};
use super::{OrderWord, Unit, counts, shown};
use crate::error::{CliError, Exit, Result};
use crate::printer::{counted, grouped};
use crate::settings::Settings;
use crate::task::blocking;
use crate::trusted_keys::pinned_keys;

/// Buckets of a histogram at most, as the server has it.
const BUCKETS_MAX: i64 = 10_000;
/// Files of which each verdict is shown; of more, how many there are of each.
const VERDICTS_LISTED: usize = 10;

/// Searches and prints; returns how many events match.
pub(super) async fn run(settings: &Settings, asked: &Asked) -> Result<u64> {
    let began = settings.clock.elapsed();
    let answer = search(settings, asked).await?;
    let took = settings.clock.elapsed().since(began);
    let read = Read::of(
        &Searched {
            events: answer.events,
            bytes_scanned: answer.bytes,
            ..Searched::default()
        },
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    );
    let Answer {
        matched,
        found,
        files,
        refused,
        ..
    } = answer;
    match (found, &asked.wanted) {
        (Found::Hits(sorted), Wanted::Hits { order, output, .. }) => {
            let mut hits = Hits::Sorted(sorted, asked.files.clone());
            let shown = shown::print(settings, output, &mut hits, None).await?;
            shown::report(&settings.printer, &shown)?;
            said::shown(settings, asked, &shown, Matched::exactly(matched), *order);
        }
        (Found::Counts(counts), wanted) => {
            let answer = aggregates(counts, asked)?;
            counts::print(settings, wanted, &answer)?;
            said::counted(settings, asked, wanted, &answer);
        }
        (Found::Hits(_), _) => {}
    }
    said::explain(settings, asked, &read);
    verdicts(settings, &files);
    if let Some((file, line, reason)) = refused.first {
        let path = files.get(file).map(|(path, _)| path.as_path());
        let what = match refused.count {
            1 => "1 place that is no event was".to_owned(),
            count => format!("{} places that are no events were", grouped(count)),
        };
        return Err(CliError::new(Exit::Failed, format!("{what} not searched"))
            .because(format!(
                "{}, line {line}: {reason}",
                path.unwrap_or(Path::new("-")).display()
            ))
            .hint("everything else was searched; --file expects downloads, or CADF events as `atrail trail` reads them"));
    }
    Ok(matched)
}

async fn search(settings: &Settings, asked: &Asked) -> Result<Answer> {
    let files = Files {
        paths: asked.files.clone(),
        are_verified: asked.are_verified,
        keys: match asked.are_verified {
            true => pinned_keys(settings)?,
            false => Vec::new(),
        },
        temp_dir: settings.environment.temp_dir.clone(),
    };
    let question = Question {
        matcher: Matcher::new(&asked.query),
        from: asked.times.map(|(start, _)| start.first()),
        to: asked.times.map(|(_, end)| end.behind()),
    };
    let wanted = wanted(asked);
    let bytes = files.paths.iter().map(std::fs::metadata);
    let bytes = bytes.map(|metadata| metadata.map_or(0, |metadata| metadata.len()));
    let mut printer = settings.printer.clone();
    // Off a terminal, a line about the progress of a search would be noise.
    printer.quiet |= !printer.terminals.stderr;
    let progress = printer.progress("Searching", 0, bytes.sum());
    blocking(move || {
        let answer = offline::search(&files, question, wanted, &progress);
        progress.clear();
        answer
    })
    .await
}

fn wanted(asked: &Asked) -> offline::Wanted {
    match &asked.wanted {
        Wanted::Hits { limit, order, .. } => {
            let order = match order {
                OrderWord::Newest => Order::Newest,
                OrderWord::Oldest => Order::Oldest,
            };
            offline::Wanted::Hits(order, *limit)
        }
        Wanted::Count => offline::Wanted::Counts(Counting::default()),
        Wanted::By(field, size) => offline::Wanted::Counts(Counting {
            facets: vec![(field.clone(), *size)],
            ..Counting::default()
        }),
        Wanted::Histogram(unit) => offline::Wanted::Counts(Counting {
            histogram: Some(buckets(*unit)),
            ..Counting::default()
        }),
    }
}

const fn buckets(unit: Unit) -> Buckets {
    let seconds = match unit {
        Unit::Hour => 3_600,
        Unit::Day => 86_400,
    };
    Buckets { seconds, origin: 0 }
}

/// Returns the counts as the server would.
fn aggregates(counts: Counts, asked: &Asked) -> Result<Aggregates> {
    let histogram = match &asked.wanted {
        Wanted::Histogram(unit) => Some(histogram(&counts, asked, *unit)?),
        _ => None,
    };
    let facets = counts.facets.into_iter().map(|top| Facet {
        field: String::new(),
        values: top
            .values
            .into_iter()
            .map(|(value, count)| FacetValue { value, count })
            .collect(),
        others: top.others,
        missing: top.missing,
        distinct: top.distinct,
    });
    Ok(Aggregates {
        total: counts.total,
        facets: facets.collect(),
        histogram,
        ..Aggregates::default()
    })
}

fn histogram(counts: &Counts, asked: &Asked, unit: Unit) -> Result<Histogram> {
    let buckets = buckets(unit);
    let bucket_of = |time: Timestamp| buckets.of(time);
    let of_range = asked.times.map(|(start, end)| {
        // The end is the first instant outside.
        let last = end.behind().as_nanosecond() - 1;
        let last = Timestamp::from_nanosecond(last).unwrap_or(Timestamp::MIN);
        (bucket_of(start.first()), bucket_of(last))
    });
    let of_events = counts
        .times
        .map(|(first, last)| (bucket_of(first), bucket_of(last)));
    let Some((first, last)) = of_range.or(of_events) else {
        return Ok(Histogram::default());
    };
    if last - first >= BUCKETS_MAX {
        return Err(CliError::usage(format!(
            "the histogram would have {} lines",
            grouped(last.abs_diff(first).saturating_add(1))
        ))
        .hint("search fewer days, or count by day"));
    }
    let bucket = |number: i64| Bucket {
        time: buckets
            .start(number)
            .map_or_else(String::new, |time| time.to_string()),
        count: counts.histogram.get(&number).copied().unwrap_or(0),
    };
    Ok(Histogram {
        interval_seconds: buckets.seconds,
        buckets: (first..=last).map(bucket).collect(),
    })
}

/// Says what is proven.
fn verdicts(settings: &Settings, files: &[(std::path::PathBuf, Standing)]) {
    let printer = &settings.printer;
    let is_proven = |standing: &Standing| matches!(standing, Standing::Judged(judged) if judged.outcome() == Outcome::Proven);
    if files.len() > VERDICTS_LISTED {
        let proven = files
            .iter()
            .filter(|(_, standing)| is_proven(standing))
            .count();
        let others = files.len() - proven;
        if proven > 0 {
            printer.note(&format!("proven: {}", counted(proven as u64, "file")));
        }
        if others > 0 {
            printer.note(&format!(
                "not proven: {}; `atrail verify` says why",
                counted(others as u64, "file")
            ));
        }
        return;
    }
    for (path, standing) in files {
        let path = path.display();
        let text = match standing {
            Standing::NoReceipt => format!("not proven: {path} has no receipt"),
            Standing::Unchecked => format!("not proven: {path} was not checked"),
            Standing::Judged(judged) => {
                let word = if is_proven(standing) {
                    "proven"
                } else {
                    "not proven"
                };
                format!("{word}: {path}: {}", verdict(judged))
            }
        };
        printer.note(&text);
    }
}

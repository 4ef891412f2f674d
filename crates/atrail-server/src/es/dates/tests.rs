use serde_json::json;

use super::*;

fn date(value: Value) -> Option<String> {
    let now = "2026-11-18T10:20:30.5Z".parse().unwrap();
    let date = read(&value, Format::default(), &TimeZone::UTC, now).ok()?;
    Some(format!("{} {}", date.first, date.after))
}

#[test]
fn a_date_is_as_long_as_what_was_written_of_it() {
    for (value, expected) in [
        (
            json!(1_500_973_200_000_i64),
            "2017-07-25T09:00:00Z 2017-07-25T09:00:00.001Z",
        ),
        (
            json!(1.5009732e12),
            "2017-07-25T09:00:00Z 2017-07-25T09:00:00.001Z",
        ),
        (
            json!("1500973200000"),
            "2017-07-25T09:00:00Z 2017-07-25T09:00:00.001Z",
        ),
        (json!("-1"), "1969-12-31T23:59:59.999Z 1970-01-01T00:00:00Z"),
        (json!("2017"), "2017-01-01T00:00:00Z 2018-01-01T00:00:00Z"),
        (
            json!("2017-07"),
            "2017-07-01T00:00:00Z 2017-08-01T00:00:00Z",
        ),
        (
            json!("2017-07-25"),
            "2017-07-25T00:00:00Z 2017-07-26T00:00:00Z",
        ),
        (
            json!("2017-07-25T09"),
            "2017-07-25T09:00:00Z 2017-07-25T10:00:00Z",
        ),
        (
            json!("2017-07-25T09:05"),
            "2017-07-25T09:05:00Z 2017-07-25T09:06:00Z",
        ),
        (
            json!("2017-07-25T09:05:01Z"),
            "2017-07-25T09:05:01Z 2017-07-25T09:05:02Z",
        ),
        (
            json!("2017-07-25T09:05:01.5Z"),
            "2017-07-25T09:05:01.5Z 2017-07-25T09:05:01.501Z",
        ),
        (
            json!("2017-07-25T09:05:01.000001Z"),
            "2017-07-25T09:05:01.000001Z 2017-07-25T09:05:01.000001001Z",
        ),
        (
            json!("2017-07-25T09:05:01+02:00"),
            "2017-07-25T07:05:01Z 2017-07-25T07:05:02Z",
        ),
        (
            json!("now-1d/d"),
            "2026-11-17T00:00:00Z 2026-11-18T00:00:00Z",
        ),
        (
            json!("now"),
            "2026-11-18T10:20:30.5Z 2026-11-18T10:20:30.500000001Z",
        ),
        (
            json!("2017-07-25||+1M/M"),
            "2017-08-01T00:00:00Z 2017-09-01T00:00:00Z",
        ),
        (json!("now/w"), "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z"),
    ] {
        assert_eq!(date(value.clone()).as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn what_is_no_date_is_refused() {
    for value in [
        json!(""),
        json!("x"),
        json!(null),
        json!([1]),
        json!(1.5),
        json!("2017-13"),
        json!("2017-07-25T"),
        json!("2017-07-25T9"),
        json!("2017-07T09:00"),
        json!("2017-07-25T09.5"),
        json!("now-1x"),
        json!("now/2d"),
        json!("now-99999999999999999999d"),
        json!("2017-07-25T09:05:01.0000000001Z"),
        json!("now1d"),
    ] {
        // A date that ends after its T is the day, as in Elasticsearch.
        if value == json!("2017-07-25T") {
            assert!(date(value).is_some());
            continue;
        }
        assert_eq!(date(value.clone()), None, "{value}");
    }
}

#[test]
fn a_format_decides_how_a_number_is_read_and_a_time_written() {
    let now = Timestamp::UNIX_EPOCH;
    let second = read(
        &json!("12"),
        Format::named("epoch_second").unwrap(),
        &TimeZone::UTC,
        now,
    )
    .unwrap();
    assert_eq!(second.first.as_second(), 12);
    let year = read(
        &json!("2017"),
        Format::named("epoch_millis").unwrap(),
        &TimeZone::UTC,
        now,
    )
    .unwrap();
    assert_eq!(millis(year.first), 2017);
    let time = "2017-07-25T09:00:00.0000005Z".parse().unwrap();
    assert_eq!(Format::EpochMillis.write(time), "1500973200000");
    assert_eq!(Format::Iso.write(time), "2017-07-25T09:00:00.000Z");
    assert_eq!(
        Format::IsoNanos.write(time),
        "2017-07-25T09:00:00.000000500Z"
    );
    assert!(Format::named("yyyy").unwrap_err().reason.contains("[yyyy]"));
    assert!(Format::named("epoch_millis||yyyy").is_err());
}

#[test]
fn a_zone_is_a_name_or_an_offset() {
    let at = |zone: &str| {
        let zone = super::zone(zone).ok()?;
        Some(
            zone.to_datetime("2026-07-01T00:00:00Z".parse().unwrap())
                .to_string(),
        )
    };
    assert_eq!(at("Europe/Berlin").as_deref(), Some("2026-07-01T02:00:00"));
    assert_eq!(at("-03:30").as_deref(), Some("2026-06-30T20:30:00"));
    assert_eq!(at("utc").as_deref(), Some("2026-07-01T00:00:00"));
    assert_eq!(at("Europe/Nowhere"), None);
}

//! What a message of a queue says of new objects: S3's own notifications, those that SNS wraps, EventBridge's, and
//! CloudTrail's own.

use serde_json::Value;

use super::decoded;

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Objects that were made: bucket and key of each.
    Made(Vec<(String, String)>),
    /// Nothing that concerns an import: a test message, or the deletion of an object.
    Nothing,
    /// It is none of the forms.
    Unknown,
}

/// Reads the body of a message.
pub(crate) fn read(body: &str) -> Notice {
    let Ok(message) = serde_json::from_str::<Value>(body) else {
        return Notice::Unknown;
    };
    // SNS: the notification is a text within.
    if let Some(inner) = message["Message"].as_str() {
        if inner.starts_with("CloudTrail validation message") {
            return Notice::Nothing;
        }
        return match serde_json::from_str(inner) {
            Ok(inner) => of(&inner),
            Err(_) => Notice::Unknown,
        };
    }
    of(&message)
}

fn of(message: &Value) -> Notice {
    if message["Event"] == "s3:TestEvent" {
        return Notice::Nothing;
    }
    if let Some(records) = message["Records"].as_array() {
        return by_s3(records);
    }
    // EventBridge, where keys are not encoded.
    if message["source"] == "aws.s3" {
        let detail = &message["detail"];
        if message["detail-type"] != "Object Created" {
            return Notice::Nothing;
        }
        return made(&detail["bucket"]["name"], [&detail["object"]["key"]], false);
    }
    // CloudTrail's notification of its own deliveries.
    if let Some(keys) = message["s3ObjectKey"].as_array() {
        return made(&message["s3Bucket"], keys, false);
    }
    Notice::Unknown
}

fn by_s3(records: &[Value]) -> Notice {
    let mut all = Vec::new();
    for record in records {
        match record["eventName"].as_str() {
            Some(name) if name.trim_start_matches("s3:").starts_with("ObjectCreated:") => {}
            Some(_) if record["s3"].is_object() => continue,
            _ => return Notice::Unknown,
        }
        let s3 = &record["s3"];
        match made(&s3["bucket"]["name"], [&s3["object"]["key"]], true) {
            Notice::Made(objects) => all.extend(objects),
            other => return other,
        }
    }
    match all.is_empty() {
        true => Notice::Nothing,
        false => Notice::Made(all),
    }
}

fn made<'a>(bucket: &Value, keys: impl IntoIterator<Item = &'a Value>, is_encoded: bool) -> Notice {
    let object = |key: &Value| {
        let (bucket, key) = (bucket.as_str()?, key.as_str()?);
        let key = match is_encoded {
            true => decoded(key),
            false => key.to_owned(),
        };
        Some((bucket.to_owned(), key))
    };
    let objects: Option<Vec<_>> = keys.into_iter().map(object).collect();
    objects.map_or(Notice::Unknown, Notice::Made)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_names_the_same_object() {
        let s3 = |name: &str| {
            json!({"Records": [{"eventVersion": "2.1", "eventName": name, "s3": {
                "bucket": {"name": "logs"}, "object": {"key": "a+b/c%2Bd.json.gz"}}}]})
        };
        let key = "a b/c+d.json.gz";
        let bridge = |kind: &str| {
            json!({"source": "aws.s3", "detail-type": kind, "detail": {
                "bucket": {"name": "logs"}, "object": {"key": key}}})
        };
        let sns = |inner: &str| json!({"Type": "Notification", "Message": inner}).to_string();
        let made = Notice::Made(vec![("logs".into(), key.into())]);
        let trail = json!({"s3Bucket": "logs", "s3ObjectKey": [key]}).to_string();
        for (body, notice) in [
            (s3("ObjectCreated:Put").to_string(), made.clone()),
            (
                s3("s3:ObjectCreated:CompleteMultipartUpload").to_string(),
                made.clone(),
            ),
            (s3("ObjectRemoved:Delete").to_string(), Notice::Nothing),
            (sns(&s3("ObjectCreated:Put").to_string()), made.clone()),
            (bridge("Object Created").to_string(), made.clone()),
            (bridge("Object Deleted").to_string(), Notice::Nothing),
            (sns(&trail), made.clone()),
            (trail, made),
            (
                json!({"Service": "Amazon S3", "Event": "s3:TestEvent"}).to_string(),
                Notice::Nothing,
            ),
            (sns("CloudTrail validation message."), Notice::Nothing),
            (sns("hello"), Notice::Unknown),
            ("hello".into(), Notice::Unknown),
            ("{}".into(), Notice::Unknown),
            (
                json!({"Records": [{"eventName": "ObjectCreated:Put"}]}).to_string(),
                Notice::Unknown,
            ),
            // The content of a log file itself.
            (
                json!({"Records": [{"eventName": "AssumeRole"}]}).to_string(),
                Notice::Unknown,
            ),
        ] {
            assert_eq!(read(&body), notice, "{body}");
        }
    }
}

//! One array, byte for byte.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{EVENT, events, export};

#[test]
fn elements_are_the_stored_bytes() {
    let odd = r#"{"n":1.50e+400,"n":"A", "eventTime":"x"}"#;
    assert_eq!(
        export("json", &[EVENT, odd]).unwrap(),
        format!("[\n{EVENT},\n{odd}\n]\n")
    );
    assert_eq!(export("json", &[""; 0]).unwrap(), "[]\n");
}

proptest! {
    #[test]
    fn parses_back_to_the_same_values(lines in events()) {
        let array = export("json", &lines).unwrap();
        let raw: Vec<&RawValue> = serde_json::from_str(&array).unwrap();
        prop_assert!(raw.iter().map(|value| value.get()).eq(lines.iter().map(String::as_str)));
        let values: Vec<Value> = serde_json::from_str(&array).unwrap();
        let expected: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(values, expected);
    }
}

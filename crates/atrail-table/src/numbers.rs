//! Writes counts and sizes for people.

/// Formats a number of things: `1 event`, `2,000 events`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(count))
}

/// Formats a number with commas between its thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of bytes in the largest unit that leaves a whole part: `20 bytes`, `9.4 MiB`, `318 KiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let (number, unit) = in_units(bytes);
    format!("{number} {unit}")
}

/// Formats how far a transfer is: `6.7 of 9.4 MiB`, or `512 bytes of 9.4 MiB`.
#[must_use]
pub fn part_of(bytes: u64, total: u64) -> String {
    let ((part, unit), (whole, of_total)) = (in_units(bytes), in_units(total));
    if unit == of_total {
        format!("{part} of {whole} {unit}")
    } else {
        format!("{part} {unit} of {whole} {of_total}")
    }
}

fn in_units(bytes: u64) -> (String, &'static str) {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return (bytes.to_string(), if bytes == 1 { "byte" } else { "bytes" });
    }
    // Tenths are exact in whole numbers.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let text = if tenths < 1_000 {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        (tenths / 10).to_string()
    };
    (text, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (4_812_093, "4,812,093"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(1_734, "event"), "1,734 events");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (325_900, "318 KiB"),
            (9_900_000, "9.4 MiB"),
            (1_023 << 10, "1023 KiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(part_of(7_014_567, 9_900_000), "6.6 of 9.4 MiB");
        assert_eq!(part_of(512, 9_900_000), "512 bytes of 9.4 MiB");
    }
}

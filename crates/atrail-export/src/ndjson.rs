//! Newline-delimited JSON: the lines unchanged.

use std::io::Write;

use crate::{Failure, Format, Shape};

pub(crate) const FORMAT: Format = Format {
    name: "ndjson",
    about: "one event on each line, byte for byte as stored",
    uses_index: false,
    uses_columns: false,
    shape: |_| Box::new(Ndjson),
};

struct Ndjson;

impl Shape for Ndjson {
    fn event(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        out.write_all(line)?;
        out.write_all(b"\n")?;
        Ok(())
    }
}

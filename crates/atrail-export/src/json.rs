//! One JSON array (RFC 8259 §5) whose elements are the events, byte for byte.

use std::io::{self, Write};

use crate::event::Object;
use crate::{Failure, Format, Shape};

pub(crate) const FORMAT: Format = Format {
    name: "json",
    about: "one array, its elements byte for byte as stored",
    uses_index: false,
    uses_columns: false,
    shape: |_| Box::new(Json { is_first: true }),
};

struct Json {
    is_first: bool,
}

impl Shape for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[")
    }

    fn event(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        // A line such as `1],[2` would change the array's shape.
        Object::of_line(line)?;
        let first = std::mem::replace(&mut self.is_first, false);
        out.write_all(if first { b"\n" } else { b",\n" })?;
        out.write_all(line)?;
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.is_first { b"]\n" } else { b"\n]\n" })
    }
}

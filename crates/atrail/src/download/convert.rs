//! Converts the checked bytes of a download into another format, for `--as`.

use std::io::{self, Write};

use atrail_export::{ExportError, Exporter, Format, Options};
use flate2::write::MultiGzDecoder;

use crate::error::CliError;

/// The format of a conversion, and its options.
#[derive(Debug, Clone)]
pub(crate) struct Conversion {
    /// The format.
    pub(crate) format: &'static Format,
    /// The format's options.
    pub(crate) options: Options,
}

impl Conversion {
    /// Returns a converter that accepts the gzip's bytes and writes the format to `out`.
    pub(crate) fn to<W: Write>(&self, out: W) -> Converter<W> {
        let exporter = Exporter::new(self.format, self.options.clone(), out);
        Converter(MultiGzDecoder::new(exporter))
    }

    /// Returns the error for a failed conversion: the fault of the events, or else of the output.
    pub(crate) fn failed(
        error: io::Error,
        of_output: impl FnOnce(io::Error) -> CliError,
    ) -> CliError {
        match error.downcast::<ExportError>() {
            Ok(fault) => CliError::failed("the download cannot be written in this format")
                .because(fault)
                .hint("without --as, or with --as ndjson, atrail writes the stored events"),
            Err(error) => of_output(error),
        }
    }
}

/// Accepts a gzip of many members.
pub(crate) struct Converter<W: Write>(MultiGzDecoder<Exporter<W>>);

impl<W: Write> Converter<W> {
    /// Writes the end of the format, and returns the output, flushed.
    pub(crate) fn finish(self) -> io::Result<W> {
        Ok(self.0.finish()?.finish()?)
    }
}

impl<W: Write> Write for Converter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(parts: &[&str]) -> Vec<u8> {
        let members = parts.iter().map(|text| {
            let mut member = GzEncoder::new(Vec::new(), Compression::fast());
            member.write_all(text.as_bytes()).unwrap();
            member.finish().unwrap()
        });
        members.collect::<Vec<_>>().concat()
    }

    fn json() -> Conversion {
        Conversion {
            format: "json".parse().unwrap(),
            options: Options::default(),
        }
    }

    #[test]
    fn members_become_one_text_however_they_are_cut() {
        let mut converter = json().to(Vec::new());
        for byte in gzip(&["{\"a\":1}\n", "", "{\"b\":2}\n{}\n"]) {
            converter.write_all(&[byte]).unwrap();
        }
        let text = converter.finish().unwrap();
        assert_eq!(text, b"[\n{\"a\":1},\n{\"b\":2},\n{}\n]\n");
    }

    #[test]
    fn a_fault_of_an_event_is_told_with_its_line() {
        let mut converter = json().to(Vec::new());
        let written = converter
            .write_all(&gzip(&["{}\nnothing\n"]))
            .and_then(|()| converter.finish().map(drop));
        let error = Conversion::failed(written.unwrap_err(), CliError::output);
        assert_eq!(error.exit as u8, 1);
        assert!(error.report().contains("line 2"), "{}", error.report());
        let closed = Conversion::failed(io::ErrorKind::BrokenPipe.into(), CliError::output);
        assert_eq!(closed.exit as u8, 141);
    }

    #[test]
    fn half_a_member_is_no_download() {
        let whole = gzip(&["{\"a\":1}\n"]);
        let mut converter = json().to(Vec::new());
        let written = converter
            .write_all(&whole[..whole.len() - 9])
            .and_then(|()| converter.finish().map(drop));
        assert!(written.is_err());
    }
}

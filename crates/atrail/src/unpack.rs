//! Unpacks what is compressed, recognized by its first bytes.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// What is read at once, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// A text, and whether it came compressed.
pub(crate) struct Unpacked<'a> {
    /// The text.
    pub(crate) text: Box<dyn Read + Send + 'a>,
    /// Whether it is unpacked as it is read.
    pub(crate) is_packed: bool,
}

/// Recognizes gzip, of any number of members, and zstd.
///
/// # Errors
/// When the beginning cannot be read.
pub(crate) fn unpacked<'a>(raw: impl Read + Send + 'a) -> io::Result<Unpacked<'a>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
    let packed = |text| Unpacked {
        text,
        is_packed: true,
    };
    let plain = |text| Unpacked {
        text,
        is_packed: false,
    };
    Ok(match raw.fill_buf()? {
        // A terminal reports its end once; another read would wait for a second one.
        [] => plain(Box::new(io::empty())),
        [0x1f, 0x8b, ..] => packed(Box::new(MultiGzDecoder::new(raw))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            packed(Box::new(zstd::stream::read::Decoder::with_buffer(raw)?))
        }
        _ => plain(Box::new(raw)),
    })
}

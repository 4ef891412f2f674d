//! Receives a body: limits of size, decompression, limits of time.

use std::io::{self, Write};

use atrail_api::ErrorCode;
use atrail_model::limits::REQUEST_MAX_BYTES;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use zstd::stream::raw::{self, DParameter};
use zstd::stream::zio;

use super::budget::{Sender, Share};
use crate::app::App;
use crate::error::ApiError;
use crate::pace::Pace;

/// Compressed bytes to collect before a thread decompresses them, so that a slow sender occupies no thread.
const BATCH_BYTES: usize = 128 << 10;
/// Largest zstd window, as a power of two: 8 MiB, which RFC 8878 §3.1.1.1.2 asks every decoder to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Assumed size of a body without a length, in bytes, until it is larger.
const UNKNOWN_BYTES: usize = 64 << 10;
/// Assumed ratio of a compressed body's unpacked size to its length, until it is unpacked: somewhat above that of
/// common events.
const UNPACKED_FACTOR: usize = 6;
/// Longest body of a sender who has shown no secret yet, in bytes: GitHub, which signs its bodies, sends none that is longer.
const UNPROVEN_MAX_BYTES: usize = 25 << 20;
/// Unused capacity up to this size is not worth a copy, in bytes.
const SPARE_MAX_BYTES: usize = 64 << 10;

/// Reads and decompresses a body. The share covers its bytes. While the sender has no memory left for the body, the
/// server does not read it.
pub(super) async fn receive(
    app: &App,
    headers: &HeaderMap,
    sender: Sender,
    body: Body,
) -> Result<(Bytes, Share), ApiError> {
    let most = if sender.is_proven {
        REQUEST_MAX_BYTES
    } else {
        UNPROVEN_MAX_BYTES
    };
    let announced = announced_length(headers, most)?;
    let mut decoder = Decoder::new(headers, app.ingest_budget.share_of(sender))?;
    let expected = match &decoder {
        Decoder::Identity(_) => announced,
        Decoder::Gzip(_) | Decoder::Deflate(_) | Decoder::Zstd(_) => {
            announced.map(|length| length.saturating_mul(UNPACKED_FACTOR))
        }
    };
    let share = &mut decoder.sink().share;
    share.begin(expected.unwrap_or(UNKNOWN_BYTES)).await?;
    let mut stream = body.into_data_stream();
    let mut pace = Pace::default();
    let mut batch = Vec::new();
    let mut received = 0;
    let limits = app.settings.body_limits();
    while let Some(chunk) = pace.next(&mut stream, limits, &app.metrics).await? {
        // Compressed bytes that unpack to nothing still cost work.
        received += chunk.len();
        if received > most {
            return Err(too_large(most));
        }
        if let Decoder::Identity(sink) = &mut decoder {
            sink.take(&chunk)?;
            continue;
        }
        batch.extend_from_slice(&chunk);
        if batch.len() >= BATCH_BYTES {
            decoder = decode(app, sender, decoder, std::mem::take(&mut batch)).await?;
        }
    }
    if !batch.is_empty() {
        decoder = decode(app, sender, decoder, batch).await?;
    }
    let Sink {
        mut bytes,
        mut share,
        ..
    } = decoder.finish()?;
    if bytes.capacity() - bytes.len() > SPARE_MAX_BYTES {
        bytes.shrink_to_fit();
    }
    share.shrink_to(bytes.len());
    Ok((bytes.into(), share))
}

/// Returns the announced length of the body. Refuses one that is too long before reading it.
fn announced_length(headers: &HeaderMap, most: usize) -> Result<Option<usize>, ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match announced {
        Some(length) if length > most => Err(too_large(most)),
        announced => Ok(announced),
    }
}

async fn decode(
    app: &App,
    sender: Sender,
    mut decoder: Decoder,
    batch: Vec<u8>,
) -> Result<Decoder, ApiError> {
    app.in_turn(sender.account, move || {
        decoder.take(&batch).map(|()| decoder)
    })
    .await?
}

/// Decompresses the body. It stops at the limit, even if the compressed bytes announce more.
enum Decoder {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// The zlib format, as RFC 9110 §8.4.1.2 has it.
    Deflate(Box<ZlibDecoder<Sink>>),
    Zstd(Box<zio::Writer<Sink, raw::Decoder<'static>>>),
}

impl Decoder {
    fn new(headers: &HeaderMap, share: Share) -> Result<Self, ApiError> {
        let sink = Sink {
            bytes: Vec::new(),
            share,
            refusal: None,
        };
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        let encoding = encodings
            .next()
            .map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
        match (encoding.as_deref(), encodings.next()) {
            (None | Some("" | "identity"), None) => Ok(Self::Identity(sink)),
            (Some("gzip" | "x-gzip"), None) => Ok(Self::Gzip(Box::new(MultiGzDecoder::new(sink)))),
            (Some("deflate"), None) => Ok(Self::Deflate(Box::new(ZlibDecoder::new(sink)))),
            (Some("zstd"), None) => {
                let mut decoder = raw::Decoder::new().map_err(ApiError::internal)?;
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
                    .map_err(ApiError::internal)?;
                Ok(Self::Zstd(Box::new(zio::Writer::new(sink, decoder))))
            }
            _ => Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "Content-Encoding must be gzip, deflate, zstd or identity",
            )),
        }
    }

    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Identity(sink) => sink,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.writer_mut(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        match self {
            Self::Identity(sink) => sink.take(bytes),
            Self::Gzip(decoder) => {
                let result = decoder.write_all(bytes);
                result.map_err(|error| decoder.get_mut().explain("gzip", &error))
            }
            Self::Deflate(decoder) => {
                let result = decoder.write_all(bytes);
                result.map_err(|error| decoder.get_mut().explain("deflate", &error))
            }
            Self::Zstd(decoder) => {
                let result = decoder.write_all(bytes);
                result.map_err(|error| decoder.writer_mut().explain("zstd", &error))
            }
        }
    }

    /// Returns the whole body, if the compressed bytes are complete.
    fn finish(self) -> Result<Sink, ApiError> {
        match self {
            Self::Identity(sink) => Ok(sink),
            Self::Gzip(mut decoder) => {
                let result = decoder.try_finish();
                result.map_err(|error| decoder.get_mut().explain("gzip", &error))?;
                decoder.finish().map_err(|error| malformed("gzip", &error))
            }
            Self::Deflate(mut decoder) => {
                let result = decoder.try_finish();
                result.map_err(|error| decoder.get_mut().explain("deflate", &error))?;
                (decoder.finish()).map_err(|error| malformed("deflate", &error))
            }
            Self::Zstd(mut decoder) => {
                let result = decoder.finish();
                result.map_err(|error| decoder.writer_mut().explain("zstd", &error))?;
                Ok(decoder.into_inner().0)
            }
        }
    }
}

/// Collects the decompressed bytes, up to the limit and as far as the budget allows.
struct Sink {
    bytes: Vec<u8>,
    share: Share,
    /// Why the sink refused bytes. Decoders pass on I/O errors only.
    refusal: Option<ApiError>,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let length = self.bytes.len() + bytes.len();
        if length > REQUEST_MAX_BYTES {
            return Err(too_large(REQUEST_MAX_BYTES));
        }
        self.share.cover(length)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the sink's own refusal if it made the decoder fail, and otherwise an error about the encoding.
    fn explain(&mut self, encoding: &str, error: &io::Error) -> ApiError {
        self.refusal
            .take()
            .unwrap_or_else(|| malformed(encoding, error))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large(most: usize) -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!("a request holds at most {most} bytes after decompression: send several"),
    )
}

fn malformed(encoding: &str, error: &io::Error) -> ApiError {
    ApiError::bad_request(format!(
        "the body is not complete {encoding}, which its Content-Encoding states: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;
    use crate::ingest::budget::Budget;

    fn decoded(encoding: &'static str, chunks: &[&[u8]]) -> Result<Vec<u8>, ErrorCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        let run = || {
            let mut decoder = Decoder::new(&headers, Budget::new(1 << 30, None).share())?;
            for chunk in chunks {
                decoder.take(chunk)?;
            }
            decoder.finish()
        };
        run()
            .map(|sink| sink.bytes)
            .map_err(|error: ApiError| error.code())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_of_many_members_and_zstd_of_many_frames_byte_by_byte() {
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        let frames = [&b"one "[..], b"two"].map(|part| zstd::encode_all(part, 3).unwrap());
        for (encoding, bytes) in [
            ("gzip", members),
            ("x-gzip", gzip(b"one two")),
            ("deflate", deflate(b"one two")),
            ("ZSTD", frames.concat()),
        ] {
            let whole = decoded(encoding, &[&bytes]);
            assert_eq!(whole.as_deref(), Ok(&b"one two"[..]), "{encoding}");
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(decoded(encoding, &single), whole, "{encoding}");
        }
        assert_eq!(decoded("identity", &[b"a", b"b"]), Ok(b"ab".to_vec()));
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        let gzip = gzip(b"some text that is long enough");
        let zstd = zstd::encode_all(&b"some text that is long enough"[..], 3).unwrap();
        let deflate = deflate(b"some text that is long enough");
        for (encoding, bytes) in [("gzip", gzip), ("deflate", deflate), ("zstd", zstd)] {
            for end in 0..bytes.len() {
                let cut = decoded(encoding, &[&bytes[..end]]);
                if end > 0 {
                    assert_eq!(cut, Err(ErrorCode::BadRequest), "{encoding} {end}");
                }
            }
            let mut trailing = bytes.clone();
            trailing.extend(b"junk after the end");
            assert_eq!(
                decoded(encoding, &[&trailing]),
                Err(ErrorCode::BadRequest),
                "{encoding}"
            );
        }
        assert_eq!(decoded("br", &[b"x"]), Err(ErrorCode::UnsupportedMediaType));
        assert_eq!(
            decoded("gzip, gzip", &[b"x"]),
            Err(ErrorCode::UnsupportedMediaType)
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 16 << 20];
        let member = gzip(&zeros);
        let bomb = member.repeat(128);
        assert_eq!(decoded("gzip", &[&bomb]), Err(ErrorCode::TooLarge));
        let bomb = deflate(&zeros.repeat(8));
        assert_eq!(decoded("deflate", &[&bomb]), Err(ErrorCode::TooLarge));
        let frame = zstd::encode_all(&zeros[..], 3).unwrap();
        assert_eq!(
            decoded("zstd", &[&frame.repeat(128)]),
            Err(ErrorCode::TooLarge)
        );
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&vec![7; 1 << 20]).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(decoded("zstd", &[&bytes]), Err(ErrorCode::BadRequest));
    }
}

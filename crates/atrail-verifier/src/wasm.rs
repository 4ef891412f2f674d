//! The checks for JavaScript. The caller allocates the argument, a UTF-8 JSON text, and frees it; an answer is a `u32` in
//! little-endian order, the length, and as many bytes of UTF-8 JSON, which the caller frees as one block. The host
//! gives the bytes of the file: `host.read(pointer, length)` returns how many it wrote, 0 at the end, and a negative
//! number where the file cannot be read.

#![expect(
    unsafe_code,
    reason = "addresses in the module's memory are all that JavaScript and it can exchange"
)]

use std::io::{self, Read};
use std::ptr;

mod host {
    #[link(wasm_import_module = "host")]
    unsafe extern "C" {
        pub(super) fn read(pointer: *mut u8, length: usize) -> i32;
    }
}

/// The file, as the host reads it.
struct HostFile;

impl Read for HostFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the host writes at most `length` bytes, into this buffer.
        let count = unsafe { host::read(buffer.as_mut_ptr(), buffer.len()) };
        match usize::try_from(count) {
            Ok(count) if count <= buffer.len() => Ok(count),
            _ => Err(io::Error::other("the browser could not read it")),
        }
    }
}

/// Allocates `length` bytes and returns their address.
#[unsafe(no_mangle)]
extern "C" fn alloc(length: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; length].into_boxed_slice()).cast()
}

/// Frees the `length` bytes at `pointer`, which [`alloc`] or a check returned.
#[unsafe(no_mangle)]
extern "C" fn free(pointer: *mut u8, length: usize) {
    // SAFETY: the caller passes back the address and the length of a block, once.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(pointer, length)) });
}

/// Checks a download: [`crate::verify`].
#[unsafe(no_mangle)]
extern "C" fn verify(pointer: *const u8, length: usize) -> *mut u8 {
    answer(pointer, length, |argument| {
        crate::verify(argument, HostFile)
    })
}

/// Checks the proof of an event: [`crate::prove`].
#[unsafe(no_mangle)]
extern "C" fn prove(pointer: *const u8, length: usize) -> *mut u8 {
    answer(pointer, length, crate::prove)
}

fn answer(pointer: *const u8, length: usize, check: impl FnOnce(&str) -> String) -> *mut u8 {
    // SAFETY: the caller has written `length` bytes there, and writes none until this returns.
    let argument = unsafe { std::slice::from_raw_parts(pointer, length) };
    // A text that is no UTF-8 is no JSON either, and is refused as such.
    let text = check(&String::from_utf8_lossy(argument));
    let length = u32::try_from(text.len()).expect("an answer is shorter than this module's memory");
    let block: Vec<u8> = length
        .to_le_bytes()
        .into_iter()
        .chain(text.into_bytes())
        .collect();
    Box::into_raw(block.into_boxed_slice()).cast()
}

//! How the process takes memory from the system and gives it back.
//!
//! **Back.** A server that takes in events holds a few hundred megabytes of them for a minute and then needs a tenth of it. glibc
//! raises the size from which it maps memory on its own with every large block that is freed, up to 32 MiB, and keeps
//! what is smaller in its arenas: after a burst of 1.5 GB of events a server that held nothing any more had 220 MB
//! resident (peak 400 MB). With a fixed threshold it has 20 MB (peak 185 MB), at the same speed and user time, for two
//! microseconds of system time per event.
//!
//! **Take.** Those two microseconds, and more when processors are busy, are page faults: each body is fresh memory. Linux maps
//! two megabytes at once where a program asks for it (`docs/decisions/0010-large-pages.md`).

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which asks for large pages in large blocks.
struct LargePages;

#[global_allocator]
static MEMORY: LargePages = LargePages;

/// What a large page has on most machines; where it has more, less is gained.
const LARGE_BYTES: usize = 2 << 20;

/// Makes large blocks go back to the system as soon as they are freed. Called first thing; does nothing where the C
/// library is another one.
pub(crate) fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const THRESHOLD_BYTES: libc::c_int = 256 << 10;
        #[expect(
            unsafe_code,
            reason = "there is no other way to say this to the C library"
        )]
        // SAFETY: mallopt has no preconditions; no other thread runs yet. That it may refuse is harmless.
        let _accepted = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD_BYTES) };
    }
}

#[expect(unsafe_code, reason = "there is no other way to be asked for memory")]
// SAFETY: every block is one of `System`, under the layout that the caller gave; it is only spoken about.
unsafe impl GlobalAlloc for LargePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let block = unsafe { System.alloc(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let block = unsafe { System.alloc_zeroed(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let block = unsafe { System.realloc(block, layout, size) };
        if size > layout.size() {
            advise(block, size);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(target_os = "linux")]
fn advise(block: *mut u8, size: usize) {
    const PAGE_BYTES: usize = 4 << 10;
    if size < LARGE_BYTES || block.is_null() {
        return;
    }
    // The pages that are the block's alone.
    let begin = block.addr().next_multiple_of(PAGE_BYTES);
    let end = (block.addr() + size) & !(PAGE_BYTES - 1);
    #[expect(unsafe_code, reason = "there is no safe way to advise the system")]
    // SAFETY: the range lies in a block that is the caller's. The advice changes no byte, and that it may be refused is harmless:
    // where pages have other sizes, it may be.
    let _taken = unsafe {
        libc::madvise(
            block.with_addr(begin).cast(),
            end - begin,
            libc::MADV_HUGEPAGE,
        )
    };
}

/// Elsewhere the system decides by itself.
#[cfg(not(target_os = "linux"))]
const fn advise(_block: *mut u8, _size: usize) {}

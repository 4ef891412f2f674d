//! Writes one block.

use libdeflater::{CompressionLvl, Compressor};

use super::{BLOCK_BYTES, LEVEL, MemberWriter};

/// Writes blocks as sealing does without time pressure, and keeps the last one.
pub struct BlockWriter(MemberWriter);

impl BlockWriter {
    /// Number of bytes of lines that gather before they are written.
    pub const BLOCK_BYTES: usize = BLOCK_BYTES;

    /// Writes a block's lines as a gzip member; returns its length.
    pub fn write(&mut self, lines: &[u8]) -> usize {
        self.0.out.clear();
        self.0.member(None, lines);
        self.0.out.len()
    }
}

impl Default for BlockWriter {
    fn default() -> Self {
        let level = CompressionLvl::new(LEVEL).expect("a level that the library has");
        Self(MemberWriter {
            compressor: Compressor::new(level),
            out: Vec::new(),
        })
    }
}

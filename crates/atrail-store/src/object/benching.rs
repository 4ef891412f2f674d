//! Writing one block.

use libdeflater::{CompressionLvl, Compressor};

use super::{BLOCK_BYTES, MemberWriter};
use crate::seal::LEVEL;

/// Writes blocks as sealing does when there is no pressure, and keeps the last one.
pub struct BlockWriter(MemberWriter);

impl BlockWriter {
    /// How many bytes of lines gather before they are written.
    pub const BLOCK_BYTES: usize = BLOCK_BYTES;

    /// Writes a block's lines as a gzip member; says how long it is.
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

//! The checksum of data read back from the disk.

/// Returns the CRC-32C (Castagnoli), as in iSCSI (RFC 3720 §12.1).
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

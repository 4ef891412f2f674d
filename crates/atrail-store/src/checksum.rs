//! The checksum of what is read back from the disk.

/// CRC-32C (Castagnoli), as iSCSI uses it (RFC 3720 §12.1).
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

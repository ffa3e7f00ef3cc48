//! What can be wrong with a snapshot.

use std::fmt;
use std::io;

use crate::error::{Error, ErrorKind};

/// What is wrong with a snapshot. Its word is the error's [`code`](Error::code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// Lengths, offsets or reserved bytes that no writer of this version makes.
    BadLayout,
    /// The file does not begin as a snapshot does.
    BadMagic,
    /// A block is not the one the index names.
    BlockChecksum,
    /// Counts in blocks, index and totals differ.
    CountMismatch,
    /// A handle block does not open: damaged, moved, or encrypted with another key.
    DecryptFailed,
    /// The footer is damaged.
    FooterChecksum,
    /// The header is damaged.
    HeaderChecksum,
    /// Keys that do not ascend.
    OutOfOrder,
    /// The bytes could not be read from where they lie.
    ReadFailed,
    /// The members do not add up to the stored set sums.
    SetSumMismatch,
    /// The file ends too early.
    Truncated,
    /// The file was written by a later version of this crate.
    UnsupportedVersion,
    /// The bytes could not be written to where they go.
    WriteFailed,
    /// The file belongs to another store.
    WrongAudience,
    /// The keyring has no key of that name, or another key under it.
    WrongKey,
}

impl SnapshotFault {
    const ALL: [Self; 15] = [
        Self::BadLayout,
        Self::BadMagic,
        Self::BlockChecksum,
        Self::CountMismatch,
        Self::DecryptFailed,
        Self::FooterChecksum,
        Self::HeaderChecksum,
        Self::OutOfOrder,
        Self::ReadFailed,
        Self::SetSumMismatch,
        Self::Truncated,
        Self::UnsupportedVersion,
        Self::WriteFailed,
        Self::WrongAudience,
        Self::WrongKey,
    ];

    /// The fault as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadLayout => "bad_layout",
            Self::BadMagic => "bad_magic",
            Self::BlockChecksum => "block_checksum",
            Self::CountMismatch => "count_mismatch",
            Self::DecryptFailed => "decrypt_failed",
            Self::FooterChecksum => "footer_checksum",
            Self::HeaderChecksum => "header_checksum",
            Self::OutOfOrder => "out_of_order",
            Self::ReadFailed => "read_failed",
            Self::SetSumMismatch => "set_sum_mismatch",
            Self::Truncated => "truncated",
            Self::UnsupportedVersion => "unsupported_version",
            Self::WriteFailed => "write_failed",
            Self::WrongAudience => "wrong_audience",
            Self::WrongKey => "wrong_key",
        }
    }

    /// The fault behind an error, where it is one of these.
    pub fn of(error: &Error) -> Option<Self> {
        let code = error.code()?;
        Self::ALL.into_iter().find(|fault| fault.as_str() == code)
    }

    const fn message(self) -> &'static str {
        match self {
            Self::BadLayout => "expected lengths, offsets and flags of format version 1, found others",
            Self::BadMagic => "expected the first bytes of a snapshot, found others",
            Self::BlockChecksum => "expected the block that the index names, found other bytes",
            Self::CountMismatch => "expected counts that agree, found others in blocks, index or totals",
            Self::DecryptFailed => {
                "expected handles encrypted for this block of this file, found bytes that do not open"
            }
            Self::FooterChecksum => "expected a footer that fits its checksum, found other bytes",
            Self::HeaderChecksum => "expected a header that fits its checksum, found other bytes",
            Self::OutOfOrder => "expected keys in strictly ascending order, found others",
            Self::ReadFailed => "expected bytes that can be read, found a failure of the storage",
            Self::SetSumMismatch => "expected members that add up to the stored set sums, found others",
            Self::Truncated => "expected the rest of the file, found its end",
            Self::UnsupportedVersion => {
                "expected format version 1, found another; read it with the version that wrote it"
            }
            Self::WriteFailed => "expected room to write to, found a failure of the storage",
            Self::WrongAudience => "expected a file of this store, found one of another; look for misplaced files",
            Self::WrongKey => {
                "expected a file written with a key of this keyring, found another; bring back the host key"
            }
        }
    }

    const fn is_damage(self) -> bool {
        !matches!(
            self,
            Self::ReadFailed | Self::UnsupportedVersion | Self::WriteFailed | Self::WrongAudience | Self::WrongKey
        )
    }

    /// The error of this fault somewhere in the file.
    pub(super) fn at(self, place: Place) -> Error {
        let next = if self.is_damage() { "; restore the snapshot of the generation before, or resync" } else { "" };
        Error::new(ErrorKind::State, format!("{place}: {}{next}", self.message())).with_code(self.as_str())
    }

    /// The error of a failed read or write.
    pub(super) fn io(self, place: Place, error: io::Error) -> Error {
        // The only way to meet the end here is a file that became shorter after it was opened.
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated.at(place),
            _ => self.at(place),
        }
        .with_source(error)
    }
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Header,
    Footer(u64),
    Keys { block: usize, offset: u64 },
    Handles { block: usize, offset: u64 },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header at byte 0"),
            Self::Footer(offset) => write!(f, "footer at byte {offset}"),
            Self::Keys { block, offset } => write!(f, "block {block} at byte {offset}"),
            Self::Handles { block, offset } => write!(f, "handles of block {block} at byte {offset}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_again_by_its_word() {
        for fault in SnapshotFault::ALL {
            assert_eq!(SnapshotFault::of(&fault.at(Place::Header)), Some(fault));
        }
        assert_eq!(SnapshotFault::of(&Error::new(ErrorKind::State, "other")), None);
    }

    #[test]
    fn errors_name_block_byte_cause_and_next_step() {
        let error = SnapshotFault::BlockChecksum.at(Place::Keys { block: 3, offset: 1024 });
        assert_eq!(
            error.to_string(),
            "block 3 at byte 1024: expected the block that the index names, found other bytes; restore the snapshot of \
             the generation before, or resync (code block_checksum)"
        );
        assert_eq!(error.kind(), ErrorKind::State);
    }
}

//! Reading at a place, without a cursor and without a runtime.

use std::fs::File;
use std::io;

/// Bytes that can be read at any place.
///
/// Anything that is a slice of bytes is one (`Vec<u8>`, `Arc<[u8]>`, `&[u8]`, `bytes::Bytes`); [`FileAt`] is a file.
/// The bytes must not change while they are read.
pub trait ReadAt {
    /// How many bytes there are.
    ///
    /// # Errors
    /// Those of the storage.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when there are fewer; else those of the storage.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl<T: AsRef<[u8]> + ?Sized> ReadAt for T {
    fn size(&self) -> io::Result<u64> {
        Ok(self.as_ref().len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.as_ref().get(start..)?.get(..buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

/// A file to read at any place.
#[derive(Debug)]
pub struct FileAt(Shared);

/// Where the system reads at a place, threads need not wait for one another.
#[cfg(unix)]
type Shared = File;
#[cfg(not(unix))]
type Shared = std::sync::Mutex<File>;

#[cfg(unix)]
fn read_exact_at(file: &Shared, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_exact_at(file: &Shared, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    // Seek and read are one step under the lock; where the last reader left the cursor does not matter.
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

#[cfg(unix)]
fn length(file: &Shared) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

#[cfg(not(unix))]
fn length(file: &Shared) -> io::Result<u64> {
    Ok(file.lock().unwrap_or_else(std::sync::PoisonError::into_inner).metadata()?.len())
}

impl FileAt {
    /// Takes over a file opened for reading.
    pub fn new(file: File) -> Self {
        Self(Shared::from(file))
    }
}

impl ReadAt for FileAt {
    fn size(&self) -> io::Result<u64> {
        length(&self.0)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_exact_at(&self.0, offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use super::*;

    fn check(source: &dyn ReadAt) {
        assert_eq!(source.size().unwrap(), 5);
        let mut two = [0; 2];
        source.read_at(3, &mut two).unwrap();
        assert_eq!(&two, b"de");
        source.read_at(0, &mut two).unwrap();
        assert_eq!(&two, b"ab");
        source.read_at(5, &mut []).unwrap();
        for offset in [4, 6, u64::MAX] {
            assert!(source.read_at(offset, &mut two).is_err(), "{offset}");
        }
        assert_eq!(source.read_at(4, &mut two).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn memory_and_files_read_alike() {
        check(&b"abcde".to_vec());
        check(&Arc::<[u8]>::from(&b"abcde"[..]));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcde").unwrap();
        check(&FileAt::new(file));
    }
}

//! A file that is locked as long as this lives.
//!
//! Such a lock belongs to the open file and ends with the last descriptor of it. A program that another thread starts has a copy
//! of every descriptor until it begins to run, which takes milliseconds where a machine is busy: who only closed the file would
//! leave it locked for so long. So the lock is given back before.

use std::fs::File;
use std::ops::Deref;

/// See the module.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Takes a file that is locked, shared or not, by `File::lock` or one of its kind.
    pub fn of(locked: File) -> Self {
        Self(locked)
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Where that is not possible, closing does it.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_goes_with_its_holder_whoever_has_a_copy_of_the_descriptor() {
        let dir = tempfile::tempdir().expect("temp dir");
        let open = || File::create(dir.path().join("lock")).expect("create");
        let file = open();
        file.lock().expect("lock");
        let holder = LockedFile::of(file);
        // As a program has it that is being started.
        let _copy = holder.try_clone().expect("copy");
        assert!(open().try_lock().is_err());
        drop(holder);
        open().try_lock().expect("free");
    }
}

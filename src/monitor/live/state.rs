//! The file with the last state of a project's systems, for when none of them runs. It is a memory for people, not a store:
//! who comes last wins, and it is not forced to the disk.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::error::{Error, ErrorKind, Result};

/// Version of what is in the file. `js/live/state.js` reads it.
pub const VERSION: u32 = 1;
/// Bytes of the hash in a name, and twice as many digits.
const HASH_BYTES: usize = 8;

/// Where the state of `project` in `environment` is. `js/live/state.js` makes the same name.
pub fn path(directory: &Path, project: Option<&str>, environment: &str) -> PathBuf {
    let whose = project.map_or_else(|| "-".to_owned(), |project| format!("+{project}"));
    let hash = Sha256::digest(format!("{environment}\n{whose}"));
    let mut name = "state-".to_owned();
    for byte in &hash[..HASH_BYTES] {
        write!(name, "{byte:02x}").expect("invariant: writing to a String cannot fail");
    }
    directory.join(name + ".json")
}

/// Writes it in place of what was there, whole or not at all, with mode 0600.
///
/// # Errors
/// `E_IO` with the path; what was there stays.
pub fn write(path: &Path, state: &Value) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).with_source(error)
    };
    let directory = path.parent().expect("invariant: a name in a directory");
    let mut file = tempfile::Builder::new().suffix(".new").tempfile_in(directory).map_err(failed)?;
    file.write_all(state.to_string().as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|refused| failed(refused.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn project_and_environment_have_a_file_of_their_own() {
        let name = |project, environment| path(Path::new("d"), project, environment);
        let names = [
            name(None, "production"),
            name(Some(""), "production"),
            name(Some("-"), "production"),
            name(None, "staging"),
        ];
        for (at, one) in names.iter().enumerate() {
            assert!(names[..at].iter().all(|other| other != one), "{names:?}");
        }
        // The same as in `__test__/live/stored-state.spec.js`.
        assert_eq!(name(Some("shop"), "production"), Path::new("d/state-6ebc0738b8e2a3a5.json"));
    }

    #[test]
    fn last_one_wins_and_is_for_the_owner_only() {
        let directory = tempfile::tempdir().expect("temp dir");
        let path = path(directory.path(), None, "staging");
        write(&path, &json!(1)).expect("written");
        write(&path, &json!({ "version": VERSION })).expect("again");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "{\"version\":1}");
        assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().expect("made").permissions().mode() & 0o777, 0o600);
        }
        let nowhere = write(&directory.path().join("nothing/state-0.json"), &json!(1)).expect_err("nowhere");
        assert_eq!(nowhere.kind(), ErrorKind::Io);
    }
}

//! How much room the disk of a folder has.

use std::path::Path;

/// What this account may still write there, in bytes; `None` where the system does not tell.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    fs4::available_space(folder).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_one_that_is_not_there_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).is_some_and(|bytes| bytes > 0));
        assert_eq!(free_bytes(&folder.path().join("none")), None);
    }
}

//! The folder that the story is written into: the whole of it or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Because, Fault};

/// The file that says: a demonstration made this folder, and the next one may replace it.
const MARKER: &str = ".juma-demo";
const MARKER_TEXT: &str = "This folder was made by the demonstration of Juma and is replaced by its next run.\n\
    本文件夹由居码演示程序生成，再次运行时将被替换。\n";

/// The code of the refusal to replace what no demonstration made.
pub(crate) const NOT_OURS: &str = "FOLDER_NOT_OURS";

/// A folder in the making, beside its place. Dropped before [`Draft::finish`], it leaves nothing behind.
pub(crate) struct Draft {
    place: PathBuf,
    folder: tempfile::TempDir,
}

impl Draft {
    /// Begins a folder that will stand at `place`.
    ///
    /// # Errors
    /// Something stands there that no demonstration made; or nothing can be written beside it.
    pub(crate) fn begin(place: &Path) -> Result<Draft, Fault> {
        may_be_replaced(place)?;
        let beside = match place.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(beside).because(format!("the folder {} cannot be made", beside.display()))?;
        let folder = tempfile::Builder::new()
            .prefix(".juma-demo-")
            .tempdir_in(beside)
            .because(format!("nothing can be written in {}", beside.display()))?;
        for part in ["pictures", "verdicts", "published/trust", "published/status", "permits", "ledgers"] {
            fs::create_dir_all(folder.path().join(part)).because(format!("the folder {part} cannot be made"))?;
        }
        Ok(Draft { place: place.to_path_buf(), folder })
    }

    /// Where the draft is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the draft.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Fault> {
        fs::write(self.path().join(name), bytes).because(format!("the file {name} cannot be written"))
    }

    /// Reads a file of the draft.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Fault> {
        fs::read(self.path().join(name)).because(format!("the file {name} cannot be read"))
    }

    /// Puts the draft in its place, and the folder of an earlier run away.
    pub(crate) fn finish(self) -> Result<PathBuf, Fault> {
        self.write(MARKER, MARKER_TEXT)?;
        may_be_replaced(&self.place)?;
        let Draft { place, folder } = self;
        let earlier = place.exists().then(|| folder.path().with_extension("earlier"));
        let moving = || format!("the finished story cannot be moved to {}", place.display());
        if let Some(earlier) = &earlier {
            fs::rename(&place, earlier).because(moving())?;
        }
        if let Err(error) = fs::rename(folder.path(), &place) {
            if let Some(earlier) = &earlier {
                let _ = fs::rename(earlier, &place);
            }
            return Err(error).because(moving());
        }
        // It has moved: there is nothing left for the guard to remove.
        let _ = folder.keep();
        if let Some(earlier) = earlier {
            fs::remove_dir_all(&earlier)
                .because(format!("the story of an earlier run cannot be removed from {}", earlier.display()))?;
        }
        Ok(place)
    }
}

/// Nothing, an empty folder, or the folder of an earlier run.
fn may_be_replaced(place: &Path) -> Result<(), Fault> {
    let Ok(found) = fs::symlink_metadata(place) else { return Ok(()) };
    let ours = || {
        let marker = place.join(MARKER);
        fs::symlink_metadata(&marker).is_ok_and(|file| file.is_file())
            && fs::read(&marker).is_ok_and(|text| text == MARKER_TEXT.as_bytes())
    };
    let empty = || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    if found.is_dir() && (ours() || empty()) {
        return Ok(());
    }
    Err(Fault::new(
        NOT_OURS,
        format!(
            "{} exists and no demonstration made it; nothing was changed. Choose another folder with --out",
            place.display()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_draft_stands_whole_and_the_next_replaces_it() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("story");
        for round in ["one", "two"] {
            let draft = Draft::begin(&place).unwrap();
            draft.write(&format!("{round}.txt"), round).unwrap();
            assert_eq!(draft.finish().unwrap(), place);
            assert_eq!(fs::read_to_string(place.join(format!("{round}.txt"))).unwrap(), round);
        }
        assert!(!place.join("one.txt").exists());
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_dropped_draft_leaves_nothing() {
        let around = tempfile::tempdir().unwrap();
        let draft = Draft::begin(&around.path().join("story")).unwrap();
        draft.write("half.txt", "half").unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_no_demonstration_made_is_left_alone() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("story");
        let code = || Draft::begin(&place).err().map(|fault| fault.code);
        fs::create_dir(&place).unwrap();
        assert_eq!(code(), None, "an empty folder is nobody's");
        fs::write(place.join("work.txt"), "mine").unwrap();
        assert_eq!(code(), Some("FOLDER_NOT_OURS"));
        fs::write(place.join(MARKER), "something else").unwrap();
        assert_eq!(code(), Some("FOLDER_NOT_OURS"));
        fs::write(place.join(MARKER), MARKER_TEXT).unwrap();
        assert_eq!(code(), None);
        assert_eq!(fs::read_to_string(place.join("work.txt")).unwrap(), "mine");

        let file = around.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert_eq!(Draft::begin(&file).err().map(|fault| fault.code), Some("FOLDER_NOT_OURS"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}

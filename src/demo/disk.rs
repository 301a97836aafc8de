//! Looks for words in everything below a directory.

use std::{fs, io, path::Path};

/// What a search found.
#[derive(Default)]
pub(super) struct Search {
    pub(super) files: usize,
    pub(super) bytes: usize,
    pub(super) hits: usize,
}

/// Looks for any of the `words` in all files below `dir`.
pub(super) fn search(dir: &Path, words: &[&str]) -> io::Result<Search> {
    let mut search = Search::default();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path())?;
                search.files += 1;
                search.bytes += bytes.len();
                search.hits += words.iter().filter(|words| contains(&bytes, words.as_bytes())).count();
            }
        }
    }
    Ok(search)
}

/// Is `needle` in `haystack`?
pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The bytes as hexadecimal, for a look.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_wherever_they_are() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("a/b")).expect("a directory");
        fs::write(dir.path().join("a/b/c"), b"\0\x01see you at eight\xff").expect("a file");
        fs::write(dir.path().join("d"), b"nothing").expect("a file");
        let found = search(dir.path(), &["at eight", "at nine"]).expect("readable");
        assert_eq!((found.files, found.hits), (2, 1));
    }
}

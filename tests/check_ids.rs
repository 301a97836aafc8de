//! Check ids, such as those of the specifications, are the same in documents, code and tests.
//!
//! An id is *defined* by a row of a table that begins with it (in a document, or in the documentation of a module of tests), or in a
//! `SPEC.md` by standing in brackets. It is *cited* wherever else it stands in code or tests. A row may also name the test itself:
//! a file of tests, or the beginning of a function's name.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing of ours to read.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "corpus", "proptest-regressions"];

/// A file of the repository, by its path from the root.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == extension)
    }

    fn is_specification(&self) -> bool {
        Path::new(&self.path).file_name().is_some_and(|name| name == "SPEC.md")
    }

    /// What a line says, if it could be the row of a table that defines something.
    fn row<'a>(&self, line: &'a str) -> Option<&'a str> {
        let line = if self.is("rs") { line.strip_prefix("//! ")? } else { line };
        (self.is("md") || self.is("rs")).then_some(line).filter(|line| line.starts_with("| "))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                read(&path, files);
            }
        } else if path.extension().is_some_and(|e| ["md", "rs", "py", "sh", "js"].iter().any(|wanted| e == *wanted)) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            files.push(File { path: path.strip_prefix(root()).unwrap().display().to_string(), text });
        }
    }
}

fn files() -> Vec<File> {
    let mut files = Vec::new();
    read(&root(), &mut files);
    files
}

/// Whether a word has the form of an id: parts in capitals, joined by hyphens, of which the last may be a number.
fn is_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let capitals = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase());
    let Some((last, first)) = parts.split_last() else { return false };
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    !first.is_empty() && first[0].len() > 1 && first.iter().all(capitals) && (number || capitals(last))
}

/// All words of the form of an id, each with what stands before and after it.
fn ids(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| is_id(word)).map(move |word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        (&text[..at], word, &text[at + word.len()..])
    })
}

fn prefix(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

/// Where ids are defined, and the lines that do it.
fn definitions(files: &[File]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let mut define = |id: &str| {
                let place = format!("{}:{}", file.path, number + 1);
                found.entry(id.to_owned()).or_default().push((place, line.to_owned()));
            };
            let first = file.row(line).and_then(|row| row.split('|').nth(1)).map(str::trim);
            if let Some(id) = first.filter(|cell| is_id(cell)) {
                define(id);
            } else if file.is_specification() {
                let in_brackets =
                    |(before, _, after): &(&str, &str, &str)| before.ends_with('[') && after.starts_with(']');
                ids(line).filter(in_brackets).for_each(|(_, id, _)| define(id));
            }
        }
    }
    found
}

/// Ids that code and tests cite.
fn citations(files: &[File]) -> BTreeSet<&str> {
    let sources = files.iter().filter(|file| !file.is("md"));
    let lines = sources.flat_map(|file| file.text.lines().filter(|line| file.row(line).is_none()));
    lines.flat_map(ids).map(|(_, id, _)| id).collect()
}

/// Whether the row of a table names a test that there is: a file, or a function by the beginning of its name.
fn names_a_test(row: &str, files: &[File]) -> bool {
    row.split('`').skip(1).step_by(2).any(|word| {
        let word = word.trim_start_matches("../");
        if Path::new(word).extension().is_some() {
            files.iter().any(|file| file.path.ends_with(word) && !file.is("md"))
        } else {
            let name = word.trim_end_matches('…');
            name.len() > 8 && files.iter().any(|file| file.is("rs") && file.text.contains(&format!("fn {name}")))
        }
    })
}

#[test]
fn every_check_id_is_defined_in_exactly_one_place() {
    let twice: Vec<String> = definitions(&files())
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(id, places)| {
            format!("{id}: {}", places.into_iter().map(|(place, _)| place).collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert!(twice.is_empty(), "defined more than once:\n{}", twice.join("\n"));
}

#[test]
fn every_check_id_that_is_named_anywhere_is_defined() {
    let files = files();
    let defined = definitions(&files);
    let prefixes: BTreeSet<&str> = defined.keys().map(|id| prefix(id)).collect();
    let mut unknown = BTreeSet::new();
    for file in &files {
        for (number, line) in file.text.lines().enumerate() {
            for (_, id, _) in ids(line).filter(|(_, id, _)| prefixes.contains(prefix(id))) {
                if !defined.contains_key(id) {
                    unknown.insert(format!("{}:{}: {id}", file.path, number + 1));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "defined nowhere:\n{}", unknown.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_check_id_is_cited_by_code_or_a_test_or_its_row_names_the_test() {
    let files = files();
    let cited = citations(&files);
    let nowhere: Vec<String> = definitions(&files)
        .into_iter()
        .filter(|(id, places)| !cited.contains(id.as_str()) && !places.iter().any(|(_, row)| names_a_test(row, &files)))
        .map(|(id, places)| format!("{id} ({})", places[0].0))
        .collect();
    assert!(nowhere.is_empty(), "held by nothing:\n{}", nowhere.join("\n"));
}

#[test]
fn every_file_that_the_row_of_a_check_id_names_is_there() {
    let files = files();
    let mut missing = BTreeSet::new();
    for (place, row) in definitions(&files).into_values().flatten().filter(|(_, row)| row.contains("| ")) {
        for word in row.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") || word.ends_with(".sh")) {
            let end = word.trim_start_matches("../");
            if !files.iter().any(|file| file.path.ends_with(end)) {
                missing.insert(format!("{place}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "named and not there:\n{}", missing.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_id_is_told_from_other_words_in_capitals_and_found_with_what_is_around_it() {
    for id in ["LIMIT-4", "NET-RECORD-SIZE", "HOST-GROUP-NO-FORK"] {
        assert!(is_id(id), "{id}");
    }
    for word in ["ML-KEM-768a", "SHA-", "-SHA", "X-25519", "json-RPC", "LIMIT", "LIMIT-4-", "LIMIT_4", "AAD-v-1"] {
        assert!(!is_id(word), "{word}");
    }
    let found: Vec<_> = ids("as [LIMIT-4], see `LIMIT-5`.").collect();
    assert_eq!(found, [("as [", "LIMIT-4", "], see `LIMIT-5`."), ("as [LIMIT-4], see `", "LIMIT-5", "`.")]);
}

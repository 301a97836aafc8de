//! The specification, the code and the tests name the same checks.

use std::{collections::BTreeSet, fs, path::Path};

const SPEC: &str = include_str!("../../SPEC.md");

fn ids(text: &str) -> BTreeSet<String> {
    let is_id = |c: char| c.is_ascii_uppercase() || c == '-';
    text.match_indices("NET-")
        .map(|(at, _)| text[at..].chars().take_while(|c| is_id(*c)).collect::<String>())
        .map(|id| id.trim_end_matches('-').to_owned())
        .filter(|id| id.len() > "NET".len())
        .collect()
}

/// (code, tests) of all files below `folder`.
fn read(folder: &Path, tests: bool) -> (String, String) {
    let (mut code, mut test) = (String::new(), String::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (c, t) = read(&path, tests);
            code += &c;
            test += &t;
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("spec.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let (before, after) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
            let all_tests = tests || path.ends_with("tests.rs");
            code += if all_tests { "" } else { before };
            test += if all_tests { &text } else { after };
        }
    }
    (code, test)
}

#[test]
fn every_check_of_the_specification_is_in_the_code_and_tested_unless_it_says_otherwise() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, mut tests) = read(&crate_dir.join("src"), false);
    tests += &read(&crate_dir.join("tests"), true).1;
    assert_eq!(ids(SPEC), ids(&code));
    let untested: BTreeSet<String> =
        SPEC.lines().filter(|l| l.starts_with("| NET-") && l.contains("untested")).flat_map(ids).collect();
    let tested: BTreeSet<String> = ids(SPEC).difference(&untested).cloned().collect();
    assert_eq!(tested.difference(&ids(&tests)).collect::<Vec<_>>(), Vec::<&String>::new());
}

//! Draws the modules below a folder as a graph of imports, and holds it to floors: compiled and run by
//! `check-layering.sh`.
//!
//! `floors ROOT [--arrows] < FLOORS`, where ROOT is the folder of a module and FLOORS has a line a floor, the lowest first:
//! the modules directly below ROOT that stand on it. An arrow goes from a file to a file that it names in a path. Told, with
//! status 1: every arrow to a higher floor, every circle, every module without a floor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

type Module = Vec<String>;

/// What a file of Rust says about others.
#[derive(Default)]
struct Source {
    /// Paths that are named, whole: from the root of the modules on.
    named: BTreeSet<Module>,
    /// Names that the module passes on, and what they are.
    passed_on: BTreeMap<String, Module>,
}

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let root = PathBuf::from(args.next().expect("the folder of the root module"));
    let show = args.next().is_some();
    let floors = io::read_to_string(io::stdin()).expect("floors on standard input");

    let mut files = BTreeMap::new();
    find(&root, &mut Vec::new(), &mut files);
    let name = root.file_name().expect("a name").to_string_lossy().into_owned();
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let sources: BTreeMap<Module, Source> = files
        .iter()
        .map(|(module, file)| {
            let text = fs::read_to_string(file).expect("a file of Rust in UTF-8");
            (module.clone(), read(&tokens(&text), module, &name, &modules))
        })
        .collect();

    let mut arrows: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, source) in &sources {
        let to = arrows.entry(module).or_default();
        to.extend(source.named.iter().map(|path| home(path, &sources)).filter(|home| home != module));
    }
    if show {
        for (from, to) in &arrows {
            println!("{} -> {}", shown(from), to.iter().map(shown).collect::<Vec<_>>().join(" "));
        }
    }

    let mut wrong = Vec::new();
    let mut floor_of = BTreeMap::new();
    for (floor, line) in floors.lines().enumerate() {
        floor_of.extend(line.split_whitespace().map(|name| (name.to_owned(), floor)));
    }
    let floor = |module: &Module| module.first().map(|top| floor_of.get(top).copied());
    for module in &modules {
        if floor(module) == Some(None) {
            wrong.push(format!("{} stands on no floor", shown(module)));
        }
    }
    for (from, to) in arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| (*from, to))) {
        if let (Some(Some(low)), Some(Some(high))) = (floor(from), floor(to))
            && low < high
        {
            wrong.push(format!("{} -> {}, which is on a higher floor", shown(from), shown(to)));
        }
    }
    for circle in circles(&arrows) {
        wrong.push(format!("a circle of {}: {}", circle.len(), circle.iter().map(shown).collect::<Vec<_>>().join(" ")));
    }
    for line in &wrong {
        eprintln!("violated: {line}");
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "mod".to_owned() } else { module.join("::") }
}

/// All modules below a folder, without those of tests.
fn find(folder: &Path, at: &mut Module, files: &mut BTreeMap<Module, PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            at.push(stem);
            find(&path, at, files);
            at.pop();
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let module = if stem == "mod" { at.clone() } else { [at.as_slice(), &[stem]].concat() };
            files.insert(module, path);
        }
    }
}

/// The words and signs of a source, without comments, texts, and what is for tests only.
fn tokens(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = text_end(rest) {
            end
        } else if c.is_alphanumeric() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            all.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            all.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                all.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    without_tests(all)
}

/// Where a text or a character in quotes at the beginning ends.
fn text_end(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let hashes = rest.strip_prefix('r').map(|raw| raw.bytes().take_while(|byte| *byte == b'#').count());
    if let Some(hashes) = hashes.filter(|hashes| bytes.get(1 + hashes) == Some(&b'"')) {
        let end = format!("\"{}", "#".repeat(hashes));
        return rest[2 + hashes..].find(&end).map(|at| 2 + hashes + at + end.len());
    }
    let quote = match bytes {
        [b'"', ..] => b'"',
        // Not a lifetime.
        [b'\'', b'\\', ..] | [b'\'', _, b'\'', ..] => b'\'',
        _ => return None,
    };
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// Leaves out what follows `#[cfg(test)]`.
fn without_tests(all: Vec<String>) -> Vec<String> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < all.len() {
        if all[at..].iter().take(mark.len()).ne(mark.iter()) {
            kept.push(all[at].clone());
            at += 1;
            continue;
        }
        // To the end of the item: a `;`, or the `}` that closes its first `{`.
        let mut depth = 0;
        at += mark.len();
        while at < all.len() {
            match all[at].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && matches!(all[at - 1].as_str(), ";" | "}") {
                break;
            }
        }
    }
    kept
}

fn read(all: &[String], module: &Module, root: &str, modules: &BTreeSet<Module>) -> Source {
    let mut source = Source::default();
    let mut at = 0;
    while at < all.len() {
        let starts = at == 0 || all[at - 1] != "::";
        let base = match all[at].as_str() {
            "crate" if all[at..].iter().skip(1).take(2).eq(["::", root]) => Some((Vec::new(), at + 2)),
            "super" if starts => {
                let mut up = module.clone();
                up.pop();
                Some((up, at))
            }
            "self" if all.get(at + 1).is_some_and(|next| next == "::") => Some((module.clone(), at)),
            // A path that begins with a module inside this one.
            word if starts && all.get(at + 1).is_some_and(|next| next == "::") => {
                let inside = [module.as_slice(), &[word.to_owned()]].concat();
                modules.contains(&inside).then_some((inside, at))
            }
            _ => None,
        };
        let Some((base, last)) = base else {
            at += 1;
            continue;
        };
        // `use self::x` and `pub use x` of a root pass names on: they are no need of this module's own.
        let passes_on = is_passed_on(all, at);
        let mut found = Vec::new();
        at = tree(all, last + 1, base, &mut found);
        for (path, name) in found {
            if passes_on {
                source.passed_on.insert(name, path);
            } else {
                source.named.insert(path);
            }
        }
    }
    source
}

/// Whether the path at `at` stands in a `pub use`.
fn is_passed_on(all: &[String], at: usize) -> bool {
    let begin = all[..at].iter().rposition(|token| matches!(token.as_str(), ";" | "}")).map_or(0, |at| at + 1);
    let line = &all[begin..at];
    line.first().is_some_and(|first| first == "pub") && line.iter().any(|token| token == "use")
}

/// Reads `::a::{b, c::d as e}` from `at` on; where it ends.
fn tree(all: &[String], mut at: usize, mut path: Module, found: &mut Vec<(Module, String)>) -> usize {
    loop {
        if all.get(at).is_none_or(|token| token != "::") {
            break;
        }
        at += 1;
        match all.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while all.get(at).is_some_and(|token| token != "}") {
                    if all[at] == "," {
                        at += 1;
                        continue;
                    }
                    let mut inner = path.clone();
                    if all[at] != "self" {
                        inner.push(all[at].clone());
                    }
                    at = tree(all, at + 1, inner, found);
                }
                return at + 1;
            }
            Some("super") => {
                path.pop();
            }
            // Generic arguments: the path is over.
            Some("<") | None => break,
            Some(word) => path.push(word.to_owned()),
        }
        at += 1;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if all.get(at).is_some_and(|token| token == "as") {
        name = all.get(at + 1).cloned().unwrap_or_default();
        at += 2;
    }
    found.push((path, name));
    at
}

/// The module where that which a path names is defined, as far as modules pass it on.
fn home(path: &Module, sources: &BTreeMap<Module, Source>) -> Module {
    let mut path = path.clone();
    'passed: for _ in 0..8 {
        for end in (0..=path.len()).rev() {
            let Some(source) = sources.get(&path[..end]) else { continue };
            if let Some(passed) = path.get(end).and_then(|name| source.passed_on.get(name)) {
                path = [passed.as_slice(), &path[end + 1..]].concat();
                continue 'passed;
            }
            return path[..end].to_vec();
        }
        break;
    }
    Vec::new()
}

/// Groups of modules that all reach each other.
fn circles(arrows: &BTreeMap<&Module, BTreeSet<Module>>) -> Vec<Vec<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = arrows
        .keys()
        .map(|from| {
            let mut seen = BTreeSet::new();
            let mut open = vec![*from];
            while let Some(next) = open.pop() {
                open.extend(arrows.get(next).into_iter().flatten().filter(|to| seen.insert(*to)));
            }
            (*from, seen)
        })
        .collect();
    let mut done = BTreeSet::new();
    let mut all = Vec::new();
    for (module, to) in &reached {
        if to.contains(module) && !done.contains(module) {
            let circle: Vec<Module> =
                to.iter().filter(|other| reached[*other].contains(module)).map(|other| (*other).clone()).collect();
            done.extend(to.iter().copied().filter(|other| reached[other].contains(module)));
            all.push(circle);
        }
    }
    all
}

//! The page as browsers get it: every file of it, since one that is wrong breaks all.

#![allow(clippy::panic)]

use axum::body::to_bytes;

use super::*;

/// The namespace of pictures looks like an address, but nobody goes there.
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";
/// The page's own WebSocket.
const OWN_SOCKET: &str = "`ws://${location.host}/rpc`";
/// The most that all files together may weigh (bytes): the page is small, and stays so.
const MAX_TOTAL: usize = 256 * 1024;

struct Served {
    path: String,
    headers: HeaderMap,
    text: String,
}

async fn serve(path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:7420"));
    let response = file(path.parse().expect("a path"), headers).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("is in memory");
    (head.status, head.headers, body.to_vec())
}

async fn every_file() -> Vec<Served> {
    let mut files = Vec::new();
    for path in Files::iter() {
        let (status, headers, body) = serve(&format!("/{path}")).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let text = String::from_utf8(body).expect("all files of the page are text");
        files.push(Served { path: path.into_owned(), headers, text });
    }
    assert!(files.iter().any(|file| file.path == "index.html"), "the page is there");
    files
}

/// What stands between `before` and the next `after`, each time.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after).map(|(found, _)| found))
}

#[tokio::test]
async fn every_file_has_its_type_and_the_policy() {
    for Served { path, headers, .. } in every_file().await {
        let expected = match path.rsplit_once('.').expect("has an extension").1 {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{path}: nobody has thought about the type of .{other} files"),
        };
        assert_eq!(headers[header::CONTENT_TYPE], expected, "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(headers[OPENER_POLICY], "same-origin", "{path}");
        assert_eq!(headers[RESOURCE_POLICY], "same-origin", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("is text");
        for part in
            ["default-src 'none'", "script-src 'self';", "style-src 'self';", "require-trusted-types-for 'script'"]
        {
            assert!(policy.contains(part), "{path}: {part} in {policy}");
        }
        for weak in ["unsafe", "http:", "https:", "*"] {
            assert!(!policy.contains(weak), "{path}: {weak} in {policy}");
        }
        assert!(policy.contains("connect-src 'self' ws://127.0.0.1:7420;"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn no_file_names_another_origin() {
    for Served { path, text, .. } in every_file().await {
        let text = text.replace(SVG_NAMESPACE, "").replace(OWN_SOCKET, "");
        for scheme in ["http://", "https://", "ws://", "wss://", "\"//", "'//", "(//", "`//"] {
            assert!(!text.contains(scheme), "{path} has {scheme}");
        }
    }
}

#[tokio::test]
async fn nothing_is_inline_and_no_text_becomes_markup() {
    for Served { path, text, .. } in every_file().await {
        if path.ends_with(".html") {
            assert!(
                between(&text, "<script", '<').all(|script| script.trim_end().ends_with("\">")),
                "{path}: a script"
            );
            assert!(!text.contains("<style") && !text.contains(" style="), "{path}: a style");
            assert!(!text.contains(" on"), "{path}: a handler");
        }
        if path.ends_with(".js") {
            for sink in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"]
            {
                assert!(!text.contains(sink), "{path} uses {sink}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_a_file_asks_for_is_there() {
    for Served { path, text, .. } in every_file().await {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let html = ["href=\"/", "src=\"/"].into_iter().flat_map(|before| between(&text, before, '"'));
        let modules = between(&text, " from '.", '\'');
        let wanted: Vec<String> = match path.rsplit_once('.').expect("has an extension").1 {
            "html" => html.map(str::to_owned).collect(),
            "js" => modules.map(|module| resolve(folder, module)).collect(),
            _ => Vec::new(),
        };
        for wanted in wanted {
            assert!(Files::get(&wanted).is_some(), "{path} asks for {wanted}");
        }
    }
}

/// `/x.js` (of `./x.js`) or `./x.js` (of `../x.js`), seen from `folder`.
fn resolve(folder: &str, module: &str) -> String {
    let (folder, file) = match module.strip_prefix("./") {
        Some(file) => (folder.rsplit_once('/').map_or("", |(parent, _)| parent), file),
        None => (folder, module.trim_start_matches('/')),
    };
    format!("{folder}/{file}").trim_start_matches('/').to_owned()
}

#[tokio::test]
async fn the_page_is_small() {
    let total: usize = every_file().await.iter().map(|file| file.text.len()).sum();
    assert!(total < MAX_TOTAL, "{total} bytes");
}

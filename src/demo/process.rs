//! Other processes of this very program, into which nothing of the user's own configuration gets.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use covey_cli::Failure;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::stage::refused;

/// This program, with its data below `dir` and its log beside it.
pub(super) fn covey(dir: &Path) -> Result<Command, Failure> {
    let program = env::current_exe().map_err(|error| refused(format!("cannot find my own program: {error}")))?;
    fs::create_dir_all(dir).map_err(|error| refused(format!("cannot use {}: {error}", dir.display())))?;
    let log = File::options().create(true).append(true).open(log_file(dir));
    let log = log.map_err(|error| refused(format!("cannot write to {}: {error}", dir.display())))?;
    let mut command = Command::new(program);
    for (variable, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COVEY_")) {
        command.env_remove(variable);
    }
    command
        .env_remove("CREDENTIALS_DIRECTORY")
        .arg("--data-dir")
        .arg(data_dir(dir))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // Ctrl-C is for the demo, which then ends its nodes in order.
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// The same, for commands that have a network of their own and no flags for it.
pub(super) fn on_loopback(command: &mut Command) -> &mut Command {
    command.env("COVEY_NETWORK__MDNS", "false").env("COVEY_NETWORK__UPNP", "false")
}

/// Runs a command to its end and yields the JSON that it printed.
pub(super) async fn run(dir: &Path, args: &[&str], stdin: &str) -> Result<Value, Failure> {
    let mut command = covey(dir)?;
    on_loopback(&mut command).arg("--json").args(args).stdin(Stdio::piped());
    let failed = |error: std::io::Error| refused(format!("`covey {}`: {error}", args.join(" ")));
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // Whoever does not read it needs none of it.
        let _ = pipe.write_all(stdin.as_bytes()).await;
    }
    let ended = child.wait_with_output().await.map_err(failed)?;
    match serde_json::from_slice(&ended.stdout) {
        Ok(answer) if ended.status.success() => Ok(answer),
        _ => {
            let log = last_lines(dir, 1).into_iter().next().unwrap_or_default();
            Err(refused(format!("`covey {}` failed: {log}", args.join(" "))))
        }
    }
}

/// Where its data is.
pub(super) fn data_dir(dir: &Path) -> PathBuf {
    dir.join("data")
}

/// The end of its log.
pub(super) fn last_lines(dir: &Path, count: usize) -> Vec<String> {
    let log = fs::read_to_string(log_file(dir)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join("log")
}

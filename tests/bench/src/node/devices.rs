//! A second device of one side: what it costs beside a message, and how long the history takes to it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use covey_api as api;
use covey_api::Call as _;
use jsonrpsee::{core::client::Subscription, ws_client::WsClient};
use serde_json::Value;

use super::{Scale, daemon::Daemon, rate_of, talk::Talk};
use crate::measure::median;

/// A message with and without a second device of the one who writes, in the same run. While that device is away the message
/// costs what it costs the sender; while it is there it takes and stores each message as well, on the same processor.
pub async fn compare(covey: &Path, scale: &Scale) {
    let (mut dee, mut eve) = (Daemon::start(covey, "dee"), Daemon::start(covey, "eve"));
    let mut talk = Talk::begin(&dee, &eve).await;
    let mut measure = async || {
        let singles = talk.one_at_a_time(scale.single).await;
        let streamed = tokio::task::unconstrained(talk.stream(scale.stream)).await;
        (median(singles.acknowledged), rate_of(scale.stream, streamed.acknowledged))
    };
    let alone = measure().await;
    let (mut fay, _) = link(covey, &dee, "fay").await;
    fay.stop();
    tell("a second device that is away", measure().await, alone);
    fay.restart();
    tell("a second device", measure().await, alone);
    drop(measure);
    drop(talk);
    [&mut fay, &mut dee, &mut eve].into_iter().for_each(Daemon::stop);
}

/// Microseconds for one message and messages a second, beside those without the device.
fn tell(with: &str, (single, rate): (f64, f64), alone: (f64, f64)) {
    let row = format!("acknowledged, with {with}");
    println!("{row:<46} {single:>9.0} µs   without it {:.0} µs: {:.2}x", alone.0, single / alone.0);
    println!(
        "{:<46} {rate:>9.0} messages/s   without it {:.0}/s: {:.2}x",
        "the same, 256 under way",
        alone.1,
        alone.1 / rate
    );
}

/// The history of so many messages, to a device that is linked.
pub async fn transfer(covey: &Path, host: &Daemon, messages: usize) {
    let (mut device, told) = link(covey, host, "gus").await;
    let Linked { took, transfer } = told;
    let (seconds, memory) = (took.as_secs_f64(), device.memory() >> 20);
    println!(
        "{:<34} {seconds:>9.1} s   {messages} messages, {} of {} entries, {} MiB, {memory} MiB in memory",
        "history to a linked device",
        transfer["done"],
        transfer["total"],
        transfer["bytes"].as_u64().unwrap_or(0) >> 20
    );
    device.stop();
}

/// How the history came.
struct Linked {
    /// From the start of the new device to the word that it has everything.
    took: Duration,
    /// That word.
    transfer: Value,
}

/// Another machine becomes a device of the account of a node, and is given its history.
async fn link(covey: &Path, host: &Daemon, name: &str) -> (Daemon, Linked) {
    let client = host.client().await;
    let mut events = api::subscribe(&client, &api::EventsSubscribe::default()).await.expect("events");
    let mut device = Daemon::without_account(covey, name);
    let mut joiner = device
        .command()
        .args(["--json", "init", "--link", "--name", name])
        .args(super::daemon::LOCAL)
        .stdout(Stdio::piped())
        .spawn()
        .expect("covey starts");
    let mut lines = BufReader::new(joiner.stdout.take().expect("a pipe")).lines();
    let mut said = |what: &str| -> String {
        let line = lines.next().expect("it says more").expect("text");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        said[what].as_str().expect("a text").to_owned()
    };
    let ticket = said("link");
    client.call(&api::DeviceLink { ticket, ..api::DeviceLink::default() }).await.expect("it answers");
    let digits = said("digits");
    client.call(&api::DeviceConfirm { digits, client_id: None }).await.expect("they are the same");
    assert!(joiner.wait().expect("it ends").success(), "it has the account");
    let began = Instant::now();
    device.restart();
    let transfer = whole(&client, &mut events).await;
    (device, Linked { took: began.elapsed(), transfer })
}

/// Until the device says that it has everything.
async fn whole(_: &WsClient, events: &mut Subscription<api::Event>) -> Value {
    loop {
        let event = events.next().await.expect("the daemon runs").expect("an event");
        if event.kind == "transfer.progress" && event.data["phase"] == "done" {
            return event.data;
        }
    }
}

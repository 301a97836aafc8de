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

/// What a message may cost that goes to a second device of its author as well.
const AT_MOST: f64 = 1.3;

/// A message with and without a second device of the one who writes, in the same run: first and last without, for both databases grow. While
/// that device is away the message costs what it costs the sender; while it is there it takes and stores each message as well, on the same
/// processors and the same disk.
pub async fn compare(covey: &Path, scale: &Scale) {
    let (mut dee, mut eve) = (Daemon::start(covey, "dee"), Daemon::start(covey, "eve"));
    let mut talk = Talk::begin(&dee, &eve).await;
    let mut measure = async |other: Option<&Daemon>| {
        // What it missed is not what the next message costs.
        if let Some(device) = other {
            talk.passed_on(device).await;
        }
        let singles = talk.one_at_a_time(scale.single).await;
        let began = dee.processor_time();
        let streamed = tokio::task::unconstrained(talk.stream(scale.stream)).await;
        let processor = (dee.processor_time() - began).as_secs_f64() * 1e6 / scale.stream as f64;
        Cost { single: median(singles.acknowledged), rate: rate_of(scale.stream, streamed.acknowledged), processor }
    };
    let before = measure(None).await;
    let (mut fay, _) = link(covey, &dee, "fay").await;
    fay.stop();
    let away = measure(None).await;
    fay.restart();
    let there = measure(Some(&fay)).await;
    unlink(&dee).await;
    fay.wait();
    let alone = before.and(&measure(None).await);
    away.tell("a second device that is away", &alone);
    there.tell("a second device", &alone);
    drop(measure);
    drop(talk);
    [&mut dee, &mut eve].into_iter().for_each(Daemon::stop);
}

/// What messages cost.
struct Cost {
    /// Microseconds for one by itself.
    single: f64,
    /// How many a second.
    rate: f64,
    /// Microseconds that the sender computes for each of them.
    processor: f64,
}

impl Cost {
    /// The mean of two runs.
    fn and(&self, other: &Self) -> Self {
        let mean = |of: fn(&Self) -> f64| f64::midpoint(of(self), of(other));
        Self { single: mean(|it| it.single), rate: mean(|it| it.rate), processor: mean(|it| it.processor) }
    }

    /// Beside what they cost without the device.
    fn tell(&self, with: &str, alone: &Self) {
        let row = |name: &str, is: f64, was: f64, unit: &str, ratio: f64| {
            println!("{name:<46} {is:>9.0} {unit}   without it {was:.0} {unit}: {ratio:.2}x");
        };
        let name = format!("acknowledged, with {with}");
        row(&name, self.single, alone.single, "µs", self.single / alone.single);
        row("the same, 256 under way", self.rate, alone.rate, "messages/s", alone.rate / self.rate);
        let ratio = self.processor / alone.processor;
        row("    and what its sender computes", self.processor, alone.processor, "µs a message", ratio);
        println!("    at most {AT_MOST:.1}x on a machine of its own");
    }
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

/// The only other device of the account of a node is one no more: its daemon ends by itself.
async fn unlink(host: &Daemon) {
    let client = host.client().await;
    let devices = client.call(&api::DeviceList::default()).await.expect("devices");
    let other = devices.into_iter().find(|device| !device.this).expect("it has another one");
    client.call(&api::DeviceRevoke { device: other.device, client_id: None }).await.expect("it is revoked");
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

//! The history on its way to a device that was linked, as people see it.

use std::time::Duration;

use covey_api::{Device, DeviceShow, Transfer, TransferPhase};

use crate::{Failure, Session, Terminal, text::clean_line, when};

/// Characters of a bar.
const BAR: u64 = 20;

/// How often it is looked at, as often as it is told.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `52 %, 12 s left`
pub(super) fn short(transfer: &Transfer) -> String {
    match transfer.phase {
        TransferPhase::Done => "complete".to_owned(),
        TransferPhase::Waiting => format!("{}, waits for another device", percent(transfer)),
        TransferPhase::Running => match transfer.eta {
            Some(left) => {
                format!("{}, {} left", percent(transfer), when::span(i64::try_from(left).unwrap_or(i64::MAX)))
            }
            None => percent(transfer),
        },
    }
}

/// `██████████░░░░░░░░░░ 52 %, 12 s left (5,200 of 10,000, 3.1 MB)`
pub(crate) fn bar(transfer: &Transfer) -> String {
    let full = if transfer.phase == TransferPhase::Done { BAR } else { BAR * share(transfer) / 100 };
    let full = usize::try_from(full).unwrap_or(0);
    let bar: String = (0..usize::try_from(BAR).unwrap_or(0)).map(|at| if at < full { '█' } else { '░' }).collect();
    let Transfer { done, total, bytes, .. } = transfer;
    format!("{bar} {} ({done} of {total}, {})", short(transfer), size(*bytes))
}

fn share(transfer: &Transfer) -> u64 {
    let Transfer { done, total, .. } = *transfer;
    done.min(total).saturating_mul(100).checked_div(total).unwrap_or(0)
}

fn percent(transfer: &Transfer) -> String {
    format!("{} %", share(transfer))
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Shows how far a device is until it has everything, and the device then.
pub(super) async fn follow(name: &str, session: &Session, terminal: &mut Terminal) -> Result<Device, Failure> {
    loop {
        let device = session.call(&DeviceShow { device: name.to_owned() }).await?;
        let Some(transfer) = device.transfer.as_ref().filter(|transfer| transfer.phase != TransferPhase::Done) else {
            terminal.redraw("")?;
            return Ok(device);
        };
        terminal.redraw(&format!("{}  {}", clean_line(&device.name), bar(transfer)))?;
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(phase: TransferPhase, done: u64, total: u64, eta: Option<u64>) -> Transfer {
        let (device, name) = ("cvd1q".to_owned(), "server".to_owned());
        Transfer { device, name, this: false, phase, done, total, bytes: 3_140_000, eta }
    }

    #[test]
    fn a_bar_says_how_much_is_there_and_how_long_the_rest_takes() {
        let running = transfer(TransferPhase::Running, 5_200, 10_000, Some(12));
        assert_eq!(bar(&running), "██████████░░░░░░░░░░ 52 %, 12 s left (5200 of 10000, 3.1 MB)");
        let waiting = transfer(TransferPhase::Waiting, 0, 0, None);
        assert_eq!(short(&waiting), "0 %, waits for another device");
        assert_eq!(short(&transfer(TransferPhase::Done, 9_999, 10_000, None)), "complete");
    }
}

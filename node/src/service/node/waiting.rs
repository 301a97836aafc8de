//! Of the doctor: whether mail for us is kept while we are away.

use covey_api::{Check, CheckState, Keeper, KeeperRole, KeeperState};

use super::check;

/// A keeper that was not heard of for this long is told of, in milliseconds.
const SILENT: u64 = 3_600_000;

/// How our keepers are, if there are any. `now`: Unix milliseconds.
pub(super) fn keepers(all: &[Keeper], now: u64) -> Option<Check> {
    let mine: Vec<&Keeper> = all.iter().filter(|keeper| keeper.role == KeeperRole::Mine).collect();
    let name = |keeper: &Keeper| keeper.name.clone().unwrap_or_else(|| keeper.keeper.chars().take(12).collect());
    let is_silent = |keeper: &Keeper| keeper.reached.is_none_or(|at| at.unix_ms().saturating_add(SILENT) < now);
    if mine.is_empty() {
        return None;
    }
    if let Some(refused) = mine.iter().find(|keeper| keeper.state == KeeperState::Refused) {
        let message = format!("{} keeps no mail for you", name(refused));
        let advice = "ask for another ticket (covey keeper serve there), or take it away: covey keeper remove";
        return Some(check("keepers", CheckState::Warn, message, Some(advice)));
    }
    if let Some(silent) = mine.iter().find(|keeper| is_silent(keeper)) {
        let message = format!("{} was not reached for an hour or more", name(silent));
        let advice = "see that it runs and is connected to the network; mail for you waits with its authors meanwhile";
        return Some(check("keepers", CheckState::Warn, message, Some(advice)));
    }
    if let Some(full) = mine.iter().find(|keeper| keeper.refused) {
        let message = format!("{} had no room for all of your mail", name(full));
        return Some(check("keepers", CheckState::Warn, message, Some("what found no room waits with its authors")));
    }
    let many = if mine.len() == 1 { "1 keeper keeps".to_owned() } else { format!("{} keepers keep", mine.len()) };
    Some(check("keepers", CheckState::Ok, format!("{many} mail for you while you are away"), None))
}

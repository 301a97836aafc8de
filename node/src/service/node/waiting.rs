//! Of the doctor: whether mail for us is kept while we are away.

use covey_api::{Check, CheckState, Keeper, KeeperRole, KeeperState};

use super::check;

/// How our keepers are, if there are any.
pub(super) fn keepers(all: &[Keeper]) -> Option<Check> {
    let mine: Vec<&Keeper> = all.iter().filter(|keeper| keeper.role == KeeperRole::Mine).collect();
    let name = |keeper: &Keeper| keeper.name.clone().unwrap_or_else(|| keeper.keeper.chars().take(12).collect());
    if mine.is_empty() {
        return None;
    }
    if let Some(refused) = mine.iter().find(|keeper| keeper.state == KeeperState::Refused) {
        let message = format!("{} keeps no mail for you", name(refused));
        let advice = "ask for another ticket (covey keeper serve there), or take it away: covey keeper remove";
        return Some(check("keepers", CheckState::Warn, message, Some(advice)));
    }
    if let Some(silent) = mine.iter().find(|keeper| keeper.state == KeeperState::Unreached) {
        let message = format!("{} has not answered for an hour or more", name(silent));
        let advice = "see that it runs and is connected to the network; mail for you waits with its authors meanwhile";
        return Some(check("keepers", CheckState::Warn, message, Some(advice)));
    }
    if let Some(full) = mine.iter().find(|keeper| keeper.refused) {
        let message = format!("{} had no room for all of your mail", name(full));
        return Some(check("keepers", CheckState::Warn, message, Some("what found no room waits with its authors")));
    }
    if let Some((wrong, off)) = mine.iter().find_map(|keeper| keeper.clock_off.map(|off| (keeper, off))) {
        let message = format!("the clock of {} and yours are {} hours apart", name(wrong), off.unsigned_abs() / 3_600);
        return Some(check("keepers", CheckState::Warn, message, Some("set the wrong one right (timedatectl status)")));
    }
    let many = if mine.len() == 1 { "1 keeper keeps".to_owned() } else { format!("{} keepers keep", mine.len()) };
    Some(check("keepers", CheckState::Ok, format!("{many} mail for you while you are away"), None))
}

/// What `/readyz` adds for the operator, who may be told without a token: how many keepers do not answer, and no names. Empty if all do.
pub(crate) fn silent(all: &[Keeper]) -> String {
    match all.iter().filter(|keeper| keeper.state == KeeperState::Unreached).count() {
        0 => String::new(),
        1 => "1 keeper has not answered for an hour or more\n".to_owned(),
        many => format!("{many} keepers have not answered for an hour or more\n"),
    }
}

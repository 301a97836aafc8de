//! [MACHINE-1] to [MACHINE-6]: any commands, over a network that loses, repeats and reorders, with a restart
//! between any two steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::harness::*;
use crate::{
    consent::{Command, Effect, Input, PairSecret, Slot, State},
    ids::InviteId,
};

#[derive(Debug, Clone, Copy)]
enum Op {
    /// The n-th of the commands that are allowed in the state of that side.
    Do(Who, usize),
    /// Takes the n-th frame in flight, delivers it, and leaves it in flight if `again`.
    Deliver {
        nth: usize,
        again: bool,
    },
    Lose {
        nth: usize,
    },
    /// The side reconnects: everything outstanding is sent again.
    Reconnect(Who),
    Pass {
        hours: u64,
    },
    Silent(Who, bool),
    /// From now on invites are sealed, or are not.
    Sealed(bool),
    /// Both reconnect and everything arrives.
    Heal,
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![Just(Alice), Just(Bob)]
}

/// What an operator may do in a state; more often what leads somewhere.
fn allowed(state: State) -> &'static [Command] {
    use Command::{Accept, Block, Cancel, Decline, Forget, Invite, Remove, Unblock};
    match state {
        State::Stranger => &[Invite, Invite, Invite, Block],
        State::Refused | State::Expired | State::Cancelled | State::Removed => &[Invite, Invite, Forget, Block],
        State::Invited => &[Cancel, Cancel, Block, Invite],
        State::Pending => &[Accept, Accept, Invite, Decline, Decline, Block],
        State::Paired => &[Remove, Remove, Block],
        State::Declined => &[Forget, Forget, Block],
        State::Blocked => &[Unblock, Unblock, Forget, Remove],
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        7 => (who(), any::<usize>()).prop_map(|(who, nth)| Op::Do(who, nth)),
        10 => (any::<usize>(), prop::bool::weighted(0.3)).prop_map(|(nth, again)| Op::Deliver { nth, again }),
        1 => any::<usize>().prop_map(|nth| Op::Lose { nth }),
        2 => who().prop_map(Op::Reconnect),
        2 => Just(Op::Heal),
        1 => (1u64..200).prop_map(|hours| Op::Pass { hours }),
        1 => (who(), any::<bool>()).prop_map(|(who, silent)| Op::Silent(who, silent)),
        1 => any::<bool>().prop_map(Op::Sealed),
    ]
}

/// What a caller knows of one side from effects alone.
#[derive(Default, Clone)]
struct Mirror {
    outbox: BTreeMap<Slot, Vec<u8>>,
    secret: Option<PairSecret>,
    confirmed: bool,
    /// Every pact this side ever held.
    pacts: BTreeMap<InviteId, PairSecret>,
}

struct Model {
    world: World,
    flying: Vec<(Who, Vec<u8>)>,
    alice: Mirror,
    bob: Mirror,
    hours: u64,
}

impl Model {
    fn new(sealed: bool) -> Self {
        let (alice, bob) = (Mirror::default(), Mirror::default());
        let world = World { sealed, ..World::new() };
        Self { world, flying: Vec::new(), alice, bob, hours: 0 }
    }

    fn mirror(&mut self, who: Who) -> &mut Mirror {
        match who {
            Alice => &mut self.alice,
            Bob => &mut self.bob,
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Do(who, nth) => {
                let allowed = allowed(self.world.state(who));
                self.command(who, allowed[nth % allowed.len()]);
            }
            Op::Deliver { nth, again } if !self.flying.is_empty() => {
                let at = nth % self.flying.len();
                let (to, frame) = if again { self.flying[at].clone() } else { self.flying.remove(at) };
                self.deliver(to, &frame);
            }
            Op::Lose { nth } if !self.flying.is_empty() => {
                let at = nth % self.flying.len();
                self.flying.remove(at);
            }
            Op::Reconnect(who) => self.reconnect(who),
            Op::Heal => self.heal(),
            // Notices live for 60 days: within that, nothing may be left unsaid.
            Op::Pass { hours } if self.hours + hours < 50 * 24 => {
                self.hours += hours;
                self.world.now += hours * 60 * 60 * 1000;
                for who in [Alice, Bob] {
                    self.step(who, Input::Tick, None);
                }
            }
            Op::Sealed(sealed) => self.world.sealed = sealed,
            Op::Silent(who, silent) => self.world.side_mut(who).silent = silent,
            Op::Deliver { .. } | Op::Lose { .. } | Op::Pass { .. } => {}
        }
    }

    fn command(&mut self, who: Who, command: Command) {
        let input = match command {
            Command::Invite => self.world.invite_input(who, None),
            Command::Accept => Input::Accept,
            Command::Decline => Input::Decline,
            Command::Cancel => Input::Cancel,
            Command::Forget => Input::Forget,
            Command::Remove => Input::Remove,
            Command::Block => Input::Block,
            Command::Unblock => Input::Unblock,
            Command::Renew => self.world.renew_input(who),
        };
        self.step(who, input, Some(command));
    }

    fn step(&mut self, who: Who, input: Input, command: Option<Command>) {
        let before = self.world.side(who).r.clone();
        match self.world.step(who, input) {
            Ok(effects) => self.took(who, &before, command, &effects),
            Err(error) => {
                assert!(command.is_some(), "honest frames are never refused: {error}");
                assert_eq!(self.world.side(who).r, before);
            }
        }
    }

    fn deliver(&mut self, to: Who, frame: &[u8]) {
        let before = self.world.side(to).r.clone();
        let effects = self.world.deliver(to, frame).expect("honest frames are never refused");
        self.took(to, &before, None, &effects);
    }

    /// [MACHINE-1], [MACHINE-2], [MACHINE-3] and [MACHINE-4], after every single step.
    fn took(&mut self, who: Who, before: &crate::consent::Relationship, command: Option<Command>, effects: &[Effect]) {
        let after = self.world.side(who).r.clone();
        let (from, to) = (before.state(), after.state());
        let old = before.pact().map(|pact| pact.id);
        let new = after.pact().map(|pact| pact.id);
        if new.is_some() && new != old {
            // An invite of ours that crossed theirs stands through a block; what follows from it stays blocked.
            let consents = matches!(from, State::Invited | State::Paired)
                || (before.superseded().is_some() && to == State::Blocked)
                || matches!(command, Some(Command::Accept | Command::Invite));
            assert!(consents, "paired from {from} without consent, by {command:?}");
        }
        if matches!(from, State::Declined | State::Blocked) && from != to {
            assert!(command.is_some(), "{from} left by the other side");
        }
        for effect in effects {
            let mirror = self.mirror(who);
            match effect {
                Effect::Send { slot, frame } => drop(mirror.outbox.insert(*slot, frame.clone())),
                Effect::Unsend(slot) => drop(mirror.outbox.remove(slot).expect("was sent")),
                Effect::Unpaired => (mirror.secret, mirror.confirmed) = (None, false),
                Effect::Paired { secret } => mirror.secret = Some(secret.clone()),
                Effect::Confirmed => mirror.confirmed = true,
                Effect::Changed { from: f, to: t } => assert_eq!((*f, *t), (from, to)),
                Effect::Reply(_) | Effect::CardLearned(_) | Effect::Attachment(_) => {}
            }
            match effect {
                Effect::Send { frame, .. } | Effect::Reply(frame) => self.flying.push((who.other(), frame.clone())),
                _ => {}
            }
        }
        assert!(after.next_deadline().is_none_or(|at| at > self.world.now), "a deadline that never passes");
        let mirror = self.mirror(who);
        assert_eq!(mirror.outbox, after.outstanding().into_iter().collect());
        assert_eq!(mirror.secret.as_ref(), after.pair_secret());
        assert_eq!(mirror.confirmed, after.confirmed());
        if let Some(pact) = after.pact() {
            mirror.pacts.insert(pact.id, pact.secret.clone());
        }
        if let Some(pact) = after.pact().filter(|_| after.confirmed()) {
            let theirs = self.mirror(who.other()).pacts.get(&pact.id);
            assert_eq!(theirs, Some(&pact.secret), "confirmed without the other side");
        }
    }

    fn reconnect(&mut self, who: Who) {
        for (_, frame) in self.world.side(who).r.outstanding() {
            self.flying.push((who.other(), frame));
        }
    }

    /// The network heals: everything in flight and everything outstanding arrives.
    fn heal(&mut self) {
        for _ in 0..20 {
            let before = (self.world.alice.r.clone(), self.world.bob.r.clone());
            self.reconnect(Alice);
            self.reconnect(Bob);
            while !self.flying.is_empty() {
                let (to, frame) = self.flying.remove(0);
                self.deliver(to, &frame);
            }
            if before == (self.world.alice.r.clone(), self.world.bob.r.clone()) {
                return;
            }
        }
        panic!("never comes to rest: {:?}", self.world.states());
    }

    /// [MACHINE-5], [MACHINE-6]: what the two sides make of it agrees.
    fn assert_consistent(&mut self) {
        for who in [Alice, Bob] {
            let (us, them) = (self.world.side(who).r.clone(), self.world.side(who.other()).r.clone());
            match us.state() {
                State::Paired => {
                    assert!(matches!(them.state(), State::Paired | State::Blocked), "{:?}", them.state());
                    assert_eq!(us.pair_secret(), them.pair_secret());
                    assert!(us.confirmed() && us.outstanding().is_empty());
                }
                State::Invited => {
                    let asked = matches!(them.state(), State::Pending | State::Declined | State::Blocked);
                    assert!(asked, "{:?}", them.state());
                }
                State::Pending => {
                    let id = us.request().expect("pending").id;
                    assert!(them.invite_ids().contains(&id), "they know nothing of the invite");
                }
                _ => assert!(us.outstanding().is_empty(), "{:?} waits", us.outstanding()[0].0),
            }
        }
    }
}

proptest! {
    #[test]
    fn two_sides_agree_whatever_happens_between_them(ops in prop::collection::vec(op(), 1..60), sealed: bool) {
        let mut model = Model::new(sealed);
        for op in ops {
            model.apply(op);
        }
        model.heal();
        // A day later reminders of open invites are out as well.
        model.world.now += 25 * 60 * 60 * 1000;
        for who in [Alice, Bob] {
            model.step(who, Input::Tick, None);
        }
        model.heal();
        model.assert_consistent();
    }

    #[test]
    fn two_who_both_want_it_end_up_paired(ops in prop::collection::vec(op(), 0..30), sealed: bool) {
        let mut model = Model::new(sealed);
        for op in ops {
            model.apply(op);
        }
        model.heal();
        for who in [Alice, Bob] {
            for command in [Command::Unblock, Command::Cancel, Command::Remove, Command::Decline, Command::Forget] {
                model.command(who, command);
            }
        }
        model.heal();
        model.command(Alice, Command::Invite);
        model.command(Bob, Command::Invite);
        model.heal();
        model.world.assert_paired();
    }
}

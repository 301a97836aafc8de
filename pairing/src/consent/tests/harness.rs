//! Two accounts, each with a relationship to the other, and the frames between them.
//!
//! Every value is stored and loaded again after every step: each test is also a test of restarts.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_bytes::ByteBuf;

use crate::{
    consent::{
        ConsentError, Effect, Input, Me, OpenedInvite, PairFrame, Relationship, Slot, State, acknowledge, open_invite,
    },
    crypto::kem::KemHash,
    identity::{self, AccountSecret, CardContent, CardDevice, DeviceSecret, KeyLog, Token},
    ids::{AccountId, InviteId},
};

pub(super) const START: u64 = 1_800_000_000_000;
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// Who: alice has the smaller account id, so her invite wins over bob's when they cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Who {
    Alice,
    Bob,
}
pub(super) use Who::{Alice, Bob};

impl Who {
    pub(super) fn other(self) -> Self {
        match self {
            Alice => Bob,
            Bob => Alice,
        }
    }
}

#[derive(Clone)]
pub(super) struct Side {
    pub(super) account: AccountSecret,
    pub(super) device: DeviceSecret,
    pub(super) log: KeyLog,
    pub(super) card: Vec<u8>,
    pub(super) name: String,
    pub(super) silent: bool,
    pub(super) r: Relationship,
}

impl Side {
    pub(super) fn new(seed: u8, name: &str, them: AccountId) -> Self {
        let account = AccountSecret::from_seed([seed; 32]);
        let device = DeviceSecret::from_seed([seed + 100; 32]);
        let log = KeyLog::create(&account, START).add_device(&account, &device, START).expect("room");
        let card = card(&log, &device, name, Some(account.kem_key().hash()));
        Self { account, device, log, card, name: name.to_owned(), silent: false, r: Relationship::new(them) }
    }

    pub(super) fn id(&self) -> AccountId {
        self.account.id()
    }

    pub(super) fn me<'a>(&'a self, attachment: &'a [u8]) -> Me<'a> {
        Me {
            account: &self.account,
            device: &self.device,
            card: &self.card,
            name: &self.name,
            decline_silently: self.silent,
            answer_attachment: attachment,
            work_bits: 0,
        }
    }
}

pub(super) fn card(log: &KeyLog, device: &DeviceSecret, name: &str, kem: Option<KemHash>) -> Vec<u8> {
    let content = CardContent {
        sequence: 1,
        issued_at: START,
        expires_at: START + 1000 * DAY,
        name: name.to_owned(),
        log: log.clone(),
        devices: vec![CardDevice {
            device: device.id(),
            addresses: vec!["/ip4/127.0.0.1/tcp/4001".into()],
            prekeys: ByteBuf::from([7; 64]),
            seq: 0,
        }],
        custodians: Vec::new(),
        kem,
    };
    identity::sign(&content, device).expect("a valid card")
}

/// The two sides and the clock.
#[derive(Clone)]
pub(super) struct World {
    pub(super) alice: Side,
    pub(super) bob: Side,
    pub(super) now: u64,
    pub(super) rng: ChaCha20Rng,
    /// Each knows the KEM key of the other, and seals invites to it.
    pub(super) sealed: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let ids = [1, 2].map(|seed| AccountSecret::from_seed([seed; 32]).id());
        let (small, large) = if ids[0] < ids[1] { (1, 2) } else { (2, 1) };
        let id = |seed: u8| AccountSecret::from_seed([seed; 32]).id();
        Self {
            alice: Side::new(small, "Alice", id(large)),
            bob: Side::new(large, "Bob", id(small)),
            now: START,
            rng: ChaCha20Rng::seed_from_u64(7),
            sealed: true,
        }
    }

    /// Invites are not sealed: as if both had tickets of an older version.
    pub(super) fn unsealed() -> Self {
        Self { sealed: false, ..Self::new() }
    }

    pub(super) fn side(&self, who: Who) -> &Side {
        match who {
            Alice => &self.alice,
            Bob => &self.bob,
        }
    }

    pub(super) fn side_mut(&mut self, who: Who) -> &mut Side {
        match who {
            Alice => &mut self.alice,
            Bob => &mut self.bob,
        }
    }

    pub(super) fn state(&self, who: Who) -> State {
        self.side(who).r.state()
    }

    pub(super) fn states(&self) -> (State, State) {
        (self.state(Alice), self.state(Bob))
    }

    /// One step, stored and loaded again.
    pub(super) fn step(&mut self, who: Who, input: Input) -> Result<Vec<Effect>, ConsentError> {
        let now = self.now;
        let side = match who {
            Alice => &mut self.alice,
            Bob => &mut self.bob,
        };
        let attachment = format!("prekeys of {}", side.name);
        let me = side.me(attachment.as_bytes());
        let outcome = side.r.handle(input, &me, now, &mut self.rng)?;
        let stored = covey_codec::encode(&outcome.next).expect("a relationship encodes");
        side.r = covey_codec::decode(&stored, 256 * 1024).expect("a relationship decodes");
        assert_eq!(side.r, outcome.next, "storage changes nothing");
        Ok(outcome.effects)
    }

    pub(super) fn invite_input(&self, who: Who, token: Option<Token>) -> Input {
        let them = &self.side(who.other()).account;
        let their_kem = self.sealed.then(|| them.kem_key().clone());
        Input::Invite { their_dh: them.dh().public(), their_kem, note: format!("{who:?} here"), token }
    }

    pub(super) fn renew_input(&self, who: Who) -> Input {
        let them = &self.side(who.other()).account;
        Input::Renew { their_dh: them.dh().public(), their_kem: self.sealed.then(|| them.kem_key().clone()) }
    }

    pub(super) fn invite(&mut self, who: Who) -> Result<Vec<Effect>, ConsentError> {
        let input = self.invite_input(who, None);
        self.step(who, input)
    }

    /// Opens an invite as `who` would.
    pub(super) fn open(&self, who: Who, bytes: &[u8]) -> OpenedInvite {
        let PairFrame::Invite(frame) = PairFrame::decode(bytes).expect("a frame") else { panic!("not an invite") };
        open_invite(&self.side(who).account, &frame, self.now).expect("opens")
    }

    /// What a node does with a frame that arrives at `who`: open or route, and acknowledge what leads nowhere.
    pub(super) fn deliver(&mut self, who: Who, bytes: &[u8]) -> Result<Vec<Effect>, ConsentError> {
        let frame = PairFrame::decode(bytes).expect("a frame");
        let input = match &frame {
            PairFrame::Invite(invite) => match open_invite(&self.side(who).account, invite, self.now) {
                Ok(opened) => Input::Invited(Box::new(opened)),
                Err(_) => return Ok(acknowledge(&frame).map(Effect::Reply).into_iter().collect()),
            },
            other if self.side(who).r.invite_ids().contains(&other.invite_id()) => Input::Received(other.clone()),
            other => return Ok(acknowledge(other).map(Effect::Reply).into_iter().collect()),
        };
        self.step(who, input)
    }

    /// Delivers what waits in one slot of `who` to the other side; gives the effects there.
    pub(super) fn pass(&mut self, who: Who, slot: Slot) -> Vec<Effect> {
        let frame = self.waiting(who, slot);
        self.deliver(who.other(), &frame).expect("an honest frame is taken")
    }

    pub(super) fn waiting(&self, who: Who, slot: Slot) -> Vec<u8> {
        let outstanding = self.side(who).r.outstanding();
        outstanding.into_iter().find(|(s, _)| *s == slot).map(|(_, frame)| frame).expect("a frame waits in the slot")
    }

    pub(super) fn slots(&self, who: Who) -> Vec<Slot> {
        self.side(who).r.outstanding().into_iter().map(|(slot, _)| slot).collect()
    }

    /// Reconnects the two until nothing moves any more: outboxes are sent, replies come back.
    pub(super) fn settle(&mut self) {
        for _ in 0..12 {
            let before = (self.alice.r.clone(), self.bob.r.clone());
            for who in [Alice, Bob] {
                for (_, frame) in self.side(who).r.outstanding() {
                    self.exchange(who.other(), frame);
                }
            }
            if before == (self.alice.r.clone(), self.bob.r.clone()) {
                return;
            }
        }
        panic!("the two sides do not come to rest: {:?}", self.states());
    }

    /// Delivers a frame and everything replied to it.
    fn exchange(&mut self, to: Who, frame: Vec<u8>) {
        let mut queue = vec![(to, frame)];
        while let Some((to, frame)) = queue.pop() {
            let effects = self.deliver(to, &frame).expect("an honest frame is taken");
            queue.extend(replies(&effects).into_iter().map(|reply| (to.other(), reply)));
        }
    }

    pub(super) fn tick(&mut self) {
        for who in [Alice, Bob] {
            self.step(who, Input::Tick).expect("time passes");
        }
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.now += by;
        self.tick();
    }

    pub(super) fn run(&mut self, who: Who, input: Input) -> Vec<Effect> {
        self.step(who, input).expect("an allowed command")
    }

    /// Both paired and confirmed, nothing left to say, one secret.
    pub(super) fn assert_paired(&self) {
        assert_eq!(self.states(), (State::Paired, State::Paired));
        assert!(self.alice.r.confirmed() && self.bob.r.confirmed());
        assert!(self.alice.r.pair_secret().is_some());
        assert_eq!(self.alice.r.pair_secret(), self.bob.r.pair_secret());
        assert!(self.slots(Alice).is_empty() && self.slots(Bob).is_empty());
    }

    /// Alice invited, bob accepted, everything arrived.
    pub(super) fn paired() -> Self {
        let mut world = Self::new();
        world.invite(Alice).expect("a stranger can be invited");
        world.settle();
        world.run(Bob, Input::Accept);
        world.settle();
        world.assert_paired();
        world
    }

    /// Alice's invite waits at bob's.
    pub(super) fn pending() -> Self {
        let mut world = Self::new();
        world.invite(Alice).expect("a stranger can be invited");
        world.settle();
        assert_eq!(world.states(), (State::Invited, State::Pending));
        world
    }
}

pub(super) fn replies(effects: &[Effect]) -> Vec<Vec<u8>> {
    let reply = |effect: &Effect| match effect {
        Effect::Reply(frame) => Some(frame.clone()),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

/// Effects without their bytes, for comparing.
pub(super) fn kinds(effects: &[Effect]) -> Vec<String> {
    let kind = |effect: &Effect| match effect {
        Effect::Send { slot, .. } => format!("send {slot:?}"),
        Effect::Unsend(slot) => format!("unsend {slot:?}"),
        Effect::Reply(frame) => {
            format!("reply {:?}", PairFrame::decode(frame).expect("a frame").kind())
        }
        Effect::Changed { from, to } => format!("{from} -> {to}"),
        Effect::Unpaired => "unpaired".into(),
        Effect::Paired { .. } => "paired".into(),
        Effect::Confirmed => "confirmed".into(),
        Effect::CardLearned(_) => "card".into(),
        Effect::Attachment(bytes) => format!("attachment {}", String::from_utf8_lossy(bytes)),
    };
    effects.iter().map(kind).collect()
}

pub(super) fn id_of(frame: &[u8]) -> InviteId {
    PairFrame::decode(frame).expect("a frame").invite_id()
}

//! Two devices, what is on its way between them, and everything that can happen to them.

use crate::session_support::{DAY, End};
use proptest::{collection::vec, prelude::*, sample::Index};

pub(crate) const ROUND_TRIPS: usize = 10;

/// Both devices, what is on its way, and what each could be restored from.
pub(crate) struct World {
    pub(crate) ends: [End; 2],
    /// `on_the_way[to]`.
    on_the_way: [Vec<Vec<u8>>; 2],
    snapshots: [End; 2],
    one_time: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Event {
    Send {
        from: usize,
    },
    Deliver {
        to: usize,
    },
    Drop {
        to: usize,
        which: Index,
    },
    Shuffle {
        to: usize,
        by: Vec<Index>,
    },
    Duplicate {
        to: usize,
        which: Index,
    },
    Snapshot {
        who: usize,
    },
    /// From an old snapshot, knowing it (`retire`) or not.
    Restore {
        who: usize,
        aware: bool,
    },
    /// A fresh handshake over whatever there is.
    Archive {
        who: usize,
    },
    Retire {
        who: usize,
    },
    Restart {
        who: usize,
    },
    /// A post-quantum step is due.
    Renew {
        who: usize,
    },
    /// Days go by; on the seventh a step is due, after a month keys are erased.
    Wait {
        days: u64,
    },
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let who = 0..2usize;
    prop_oneof![
        6 => who.clone().prop_map(|from| Event::Send { from }),
        6 => who.clone().prop_map(|to| Event::Deliver { to }),
        1 => (who.clone(), any::<Index>()).prop_map(|(to, which)| Event::Drop { to, which }),
        1 => (who.clone(), vec(any::<Index>(), 8)).prop_map(|(to, by)| Event::Shuffle { to, by }),
        1 => (who.clone(), any::<Index>()).prop_map(|(to, which)| Event::Duplicate { to, which }),
        1 => who.clone().prop_map(|who| Event::Snapshot { who }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, aware)| Event::Restore { who, aware }),
        1 => who.clone().prop_map(|who| Event::Archive { who }),
        1 => who.clone().prop_map(|who| Event::Retire { who }),
        1 => who.clone().prop_map(|who| Event::Restart { who }),
        2 => who.prop_map(|who| Event::Renew { who }),
        1 => (1..40u64).prop_map(|days| Event::Wait { days }),
    ]
}

impl World {
    pub(crate) fn new(ends: [End; 2]) -> Self {
        Self { snapshots: ends.clone(), ends, on_the_way: [vec![], vec![]], one_time: false }
    }

    /// Published and one-time bundles in turn.
    pub(crate) fn initiate(&mut self, who: usize) {
        self.one_time = !self.one_time;
        let other = &mut self.ends[1 - who];
        let bundle = if self.one_time { other.one_time_bundle() } else { other.prekeys.bundle().clone() };
        self.ends[who].initiate(&bundle);
    }

    pub(crate) fn send(&mut self, from: usize) {
        if !self.ends[from].sessions.can_send() {
            self.initiate(from);
        }
        let envelope = self.ends[from].seal(b"text");
        self.on_the_way[1 - from].push(envelope);
    }

    /// True when it was opened. As a node does, who cannot open something new starts a session.
    pub(crate) fn deliver(&mut self, to: usize) -> bool {
        if self.on_the_way[to].is_empty() {
            return true;
        }
        let envelope = self.on_the_way[to].remove(0);
        let before = self.ends[to].state();
        match self.ends[to].open(&envelope) {
            Ok(text) => {
                assert_eq!(text, b"text");
                true
            }
            Err(error) => {
                assert_eq!(self.ends[to].state(), before, "{error} changed the state");
                assert!(error.heals_by_initiating(), "{error}");
                self.initiate(to);
                false
            }
        }
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Send { from } => self.send(*from),
            Event::Deliver { to } => drop(self.deliver(*to)),
            Event::Drop { to, which } => {
                let way = &mut self.on_the_way[*to];
                (!way.is_empty()).then(|| way.remove(which.index(way.len())));
            }
            Event::Shuffle { to, by } => {
                let way = &mut self.on_the_way[*to];
                let len = way.len();
                (0..len).zip(by).for_each(|(i, j)| way.swap(i, j.index(len)));
            }
            Event::Duplicate { to, which } => {
                let way = &mut self.on_the_way[*to];
                (!way.is_empty()).then(|| way.push(way[which.index(way.len())].clone()));
            }
            Event::Snapshot { who } => self.snapshots[*who] = self.ends[*who].clone(),
            Event::Restore { who, aware } => {
                // The random source is never restored.
                let End { rng, now, .. } = self.ends[*who].clone();
                self.ends[*who] = End { rng, now, ..self.snapshots[*who].clone() };
                self.wait(0);
                if *aware {
                    self.ends[*who].sessions.retire();
                }
            }
            Event::Archive { who } => self.initiate(*who),
            Event::Retire { who } => self.ends[*who].sessions.retire(),
            Event::Restart { who } => self.ends[*who].restart(),
            Event::Renew { who } => self.ends[*who].sessions.renew(),
            Event::Wait { days } => self.wait(*days * DAY),
        }
    }

    /// Prekeys are rotated as a node does.
    pub(crate) fn wait(&mut self, ms: u64) {
        let now = self.ends[0].now.max(self.ends[1].now) + ms;
        for end in &mut self.ends {
            end.now = now;
            end.prekeys.rotate(&end.device, now, &mut end.rng);
        }
    }

    /// One message each way; at the same moment or one after the other. True when both were opened.
    pub(crate) fn round_trip(&mut self, crossing: bool) -> bool {
        self.send(0);
        let there = if crossing { None } else { Some(self.deliver(1)) };
        self.send(1);
        let there = there.unwrap_or_else(|| self.deliver(1));
        there & self.deliver(0)
    }

    pub(crate) fn settle(&mut self, crossing: impl Fn(usize) -> bool) -> Result<(), TestCaseError> {
        for to in [0, 1] {
            while !self.on_the_way[to].is_empty() {
                self.deliver(to);
            }
        }
        let opened: Vec<bool> = (0..ROUND_TRIPS).map(|i| self.round_trip(crossing(i))).collect();
        prop_assert_eq!(opened.last(), Some(&true), "still not opened: {:?}", opened);
        let [a, b] = &self.ends;
        prop_assert_eq!(a.sessions.active_id(), b.sessions.active_id());
        prop_assert!(a.sessions.is_answered() && b.sessions.is_answered());
        let before = a.sessions.active_id();
        prop_assert!(self.round_trip(crossing(0)));
        prop_assert_eq!(self.ends[0].sessions.active_id(), before, "settled, and then moved on");
        prop_assert_eq!(self.ends[1].sessions.active_id(), before, "settled, and then moved on");
        self.step(&crossing)
    }

    /// A step that is asked for then is made, and both agree on it.
    pub(crate) fn step(&mut self, crossing: &impl Fn(usize) -> bool) -> Result<(), TestCaseError> {
        let epochs = |world: &Self| world.ends.each_ref().map(|end| end.sessions.epoch());
        self.ends[0].sessions.renew();
        let before = epochs(self)[0];
        for i in 0..ROUND_TRIPS {
            prop_assert!(self.round_trip(crossing(i)));
        }
        prop_assert!(epochs(self)[0] > before, "no step was made");
        prop_assert!(self.ends[0].sessions.take_healed());
        // One of the two has seen the newest step, the other sees it with the next message.
        while !self.round_trip(false) {}
        prop_assert_eq!(epochs(self)[0], epochs(self)[1]);
        Ok(())
    }
}

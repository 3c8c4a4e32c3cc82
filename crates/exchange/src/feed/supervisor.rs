//! The sockets of one line: when to open one, what to subscribe, when to give one up, when to replace it.
//!
//! Pure: events and moments go in, [`Action`]s come out. There is a main socket; a spare one while the main one is
//! being replaced because of its age or of an announced shutdown; and those that are leaving, which may still bring
//! data. Invariant: whatever the network does, a lost socket is opened again, without end, and never more often
//! than backoff and budget allow.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use tradai_domain::Millis;

use crate::feed::FeedSettings;
use crate::feed::backoff::Backoff;
use crate::feed::link::{Link, LinkId};
use crate::feed::pacer::Pacer;

/// How often the patience with silence doubles at most.
const MAX_DOUBLINGS: u32 = 5;

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Open(LinkId),
    Send(LinkId, String),
    Drop(LinkId),
    Tell(Notice),
}

/// What the series and readers are to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    Reconnecting(String),
    Stale(Duration),
    /// The exchange sends these now, and did not before.
    Carried(Vec<String>),
    /// No socket brings these any more.
    Lost(Vec<String>),
    Refused(Vec<String>, String),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Supervisor {
    settings: FeedSettings,
    wanted: BTreeSet<String>,
    main: Option<Link>,
    spare: Option<Link>,
    leaving: Vec<(Link, Millis)>,
    main_due: Millis,
    spare_due: Millis,
    backoff: Backoff,
    spare_backoff: Backoff,
    is_rolling: bool,
    /// Sockets in a row that ended without any data.
    silences: u32,
    carried: BTreeSet<String>,
    /// Whether what sockets carry may have changed.
    is_changed: bool,
    next_link: LinkId,
    actions: Vec<Action>,
}

impl Supervisor {
    pub(crate) fn new(settings: FeedSettings, seed: u64) -> Self {
        let backoff = |seed| Backoff::new(settings.first_pause, settings.longest_pause, seed);
        Self {
            wanted: BTreeSet::new(),
            main: None,
            spare: None,
            leaving: Vec::new(),
            main_due: Millis::MIN,
            spare_due: Millis::MIN,
            backoff: backoff(seed),
            spare_backoff: backoff(!seed),
            is_rolling: false,
            silences: 0,
            carried: BTreeSet::new(),
            is_changed: false,
            next_link: 1,
            actions: Vec::new(),
            settings,
        }
    }

    pub(crate) fn want(&mut self, name: &str) {
        self.wanted.insert(name.to_owned());
        self.touch();
    }

    pub(crate) fn unwant(&mut self, name: &str) {
        self.wanted.remove(name);
        self.carried.remove(name);
        self.touch();
    }

    /// Opens another socket beside the main one, which it will replace.
    pub(crate) fn roll(&mut self, now: Millis) {
        if !self.is_rolling && self.main.is_some() {
            self.is_rolling = true;
            self.spare_due = now;
        }
    }

    pub(crate) fn opened(&mut self, id: LinkId, now: Millis) {
        if let Some(link) = self.link(id) {
            link.open(now);
        }
    }

    /// A socket has ended by itself, or never came about.
    pub(crate) fn closed(&mut self, id: LinkId, now: Millis, reason: &str) {
        self.is_changed = true;
        self.leaving.retain(|(link, _)| link.id != id);
        if self.spare.as_ref().is_some_and(|link| link.id == id) {
            self.lose_spare(now);
        } else if self.main.as_ref().is_some_and(|link| link.id == id) {
            self.lose_main(now, reason);
        }
        self.compare_carried();
    }

    /// A socket brought data.
    pub(crate) fn heard_data(&mut self, id: LinkId, now: Millis) {
        self.silences = 0;
        if let Some(link) = self.link(id) {
            (link.last_data, link.has_data) = (now, true);
        }
    }

    /// The exchange announced the end of a socket.
    pub(crate) fn heard_shutdown(&mut self, id: LinkId, now: Millis) {
        if self.spare.as_ref().is_some_and(|link| link.id == id) {
            self.lose_spare(now);
        } else if self.main.as_ref().is_some_and(|link| link.id == id) {
            self.roll(now);
        }
    }

    /// The exchange answered a message of ours.
    pub(crate) fn heard_answer(&mut self, id: LinkId, request: u64, error: Option<&str>) {
        let asked = self.link(id).and_then(|link| link.answered(request, error.is_some()));
        if let (Some(asked), Some(error)) = (asked, error)
            && asked.is_on
        {
            self.actions.push(Action::Tell(Notice::Refused(asked.names, error.to_owned())));
        }
        self.is_changed = true;
        self.compare_carried();
    }

    /// Returns what is to be done now. `budget`: the sockets that may be opened, of all lines together.
    pub(crate) fn poll(&mut self, now: Millis, budget: &mut Pacer) -> Vec<Action> {
        if self.wanted.is_empty() {
            self.drop_all();
            return std::mem::take(&mut self.actions);
        }
        self.drop_leaving(now);
        self.check_main(now);
        self.check_spare(now);
        self.replace_main(now);
        self.open_due(now, budget);
        self.send_messages(now);
        self.compare_carried();
        std::mem::take(&mut self.actions)
    }

    /// Returns when [`Supervisor::poll`] has something to do again, events aside.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        if self.wanted.is_empty() {
            return None;
        }
        let main = match &self.main {
            None => Some(self.main_due),
            Some(link) => self.link_due(link),
        };
        let spare = match &self.spare {
            None => self.is_rolling.then_some(self.spare_due),
            Some(link) => self.link_due(link),
        };
        let roll = self.main.as_ref().and_then(|link| link.opened).filter(|_| !self.is_rolling);
        let roll = roll.map(|opened| after(opened, self.settings.roll_after));
        let leaving = self.leaving.iter().map(|(_, until)| *until).min();
        [main, spare, roll, leaving].into_iter().flatten().min()
    }

    fn link_due(&self, link: &Link) -> Option<Millis> {
        let owed = link.waiting_since().map(|since| after(since, self.settings.answer_timeout));
        let silent = link.opened.map(|_| after(link.last_data, self.patience()));
        [owed, silent, link.message_due()].into_iter().flatten().min()
    }

    fn patience(&self) -> Duration {
        self.settings.max_silence.saturating_mul(1 << self.silences.min(MAX_DOUBLINGS))
    }

    fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        let leaving = self.leaving.iter_mut().map(|(link, _)| link);
        self.main.iter_mut().chain(self.spare.iter_mut()).chain(leaving)
    }

    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links().find(|link| link.id == id)
    }

    fn touch(&mut self) {
        self.links().for_each(Link::touch);
    }

    fn check_main(&mut self, now: Millis) {
        let Some(link) = &self.main else { return };
        let owes = link.waiting_since().is_some_and(|at| now >= after(at, self.settings.answer_timeout));
        let Some(opened) = link.opened else {
            if owes {
                self.give_up_main(now, "the socket did not open in time");
            }
            return;
        };
        if now >= after(link.last_data, self.patience()) {
            let (silent_for, has_data) = (now.saturating_sub(link.last_data), link.has_data);
            self.silences = if has_data { 0 } else { self.silences.saturating_add(1) };
            let silent_for = Duration::from_millis(silent_for.unsigned_abs());
            self.actions.push(Action::Tell(Notice::Stale(silent_for)));
            self.give_up_main(now, "no data came");
        } else if owes {
            self.give_up_main(now, "a subscription was not answered in time");
        } else {
            if link.has_data && now >= after(opened, self.settings.stable_after) {
                self.backoff.reset();
            }
            if now >= after(opened, self.settings.roll_after) {
                self.roll(now);
            }
        }
    }

    fn check_spare(&mut self, now: Millis) {
        let Some(link) = &self.spare else { return };
        if link.waiting_since().is_some_and(|at| now >= after(at, self.settings.answer_timeout)) {
            self.actions.push(Action::Drop(link.id));
            self.lose_spare(now);
        }
    }

    /// The spare socket carries everything: it is the main one from here on.
    fn replace_main(&mut self, now: Millis) {
        if !self.spare.as_ref().is_some_and(|spare| spare.is_complete(&self.wanted)) {
            return;
        }
        let until = after(now, self.settings.overlap);
        if let Some(old) = std::mem::replace(&mut self.main, self.spare.take()) {
            self.leaving.push((old, until));
        }
        self.is_rolling = false;
        self.spare_backoff.reset();
    }

    fn open_due(&mut self, now: Millis, budget: &mut Pacer) {
        if self.main.is_none() && now >= self.main_due {
            match self.open(now, budget) {
                Ok(link) => self.main = Some(link),
                Err(due) => self.main_due = due,
            }
        }
        if self.is_rolling && self.spare.is_none() && now >= self.spare_due {
            match self.open(now, budget) {
                Ok(link) => self.spare = Some(link),
                Err(due) => self.spare_due = due,
            }
        }
    }

    fn open(&mut self, now: Millis, budget: &mut Pacer) -> Result<Link, Millis> {
        if !budget.try_take(now) {
            return Err(budget.free_at());
        }
        let id = self.next_link;
        self.next_link += 1;
        self.actions.push(Action::Open(id));
        Ok(Link::new(id, self.settings.venue, now))
    }

    fn send_messages(&mut self, now: Millis) {
        for link in self.main.iter_mut().chain(self.spare.iter_mut()) {
            while let Some(message) = link.next_message(&self.wanted, now) {
                self.actions.push(Action::Send(link.id, message));
            }
        }
    }

    fn drop_leaving(&mut self, now: Millis) {
        let (actions, is_changed) = (&mut self.actions, &mut self.is_changed);
        self.leaving.retain(|(link, until)| {
            let stays = now < *until;
            if !stays {
                *is_changed = true;
                actions.push(Action::Drop(link.id));
            }
            stays
        });
    }

    fn drop_all(&mut self) {
        let leaving = self.leaving.drain(..).map(|(link, _)| link);
        let all = self.main.take().into_iter().chain(self.spare.take()).chain(leaving);
        self.actions.extend(all.map(|link| Action::Drop(link.id)));
        self.carried.clear();
        self.is_rolling = false;
        self.main_due = Millis::MIN;
    }

    fn give_up_main(&mut self, now: Millis, reason: &str) {
        if let Some(link) = &self.main {
            self.actions.push(Action::Drop(link.id));
        }
        self.lose_main(now, reason);
    }

    /// What the spare socket carries goes on; for the rest it takes another attempt.
    fn lose_main(&mut self, now: Millis, reason: &str) {
        self.is_changed = true;
        self.main = self.spare.take();
        self.is_rolling = false;
        if self.main.is_none() {
            self.main_due = after(now, self.backoff.next());
        }
        let is_whole = self.main.as_ref().is_some_and(|link| link.is_complete(&self.wanted));
        if !is_whole {
            self.actions.push(Action::Tell(Notice::Reconnecting(reason.to_owned())));
        }
    }

    fn lose_spare(&mut self, now: Millis) {
        self.is_changed = true;
        self.spare = None;
        self.spare_due = after(now, self.spare_backoff.next());
    }

    /// Tells what has begun and what has ceased to be carried by any socket.
    fn compare_carried(&mut self) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let mut carried: BTreeSet<String> = BTreeSet::new();
        let leaving = self.leaving.iter().map(|(link, _)| link);
        for link in self.main.iter().chain(&self.spare).chain(leaving) {
            carried.extend(link.carried.intersection(&self.wanted).cloned());
        }
        let came: Vec<String> = carried.difference(&self.carried).cloned().collect();
        let went: Vec<String> = self.carried.difference(&carried).cloned().collect();
        self.carried = carried;
        if !went.is_empty() {
            self.actions.push(Action::Tell(Notice::Lost(went)));
        }
        if !came.is_empty() {
            self.actions.push(Action::Tell(Notice::Carried(came)));
        }
    }
}

fn after(at: Millis, wait: Duration) -> Millis {
    at.saturating_add(Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX))
}

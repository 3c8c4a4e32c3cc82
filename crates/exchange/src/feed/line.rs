//! A line: the streams that share sockets, and the task that drives them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tradai_domain::Millis;
use tradai_http_client::ClientConfig;

use crate::Error;
use crate::feed::binance::{self, Frame};
use crate::feed::connection::{Connection, Event};
use crate::feed::feed::Outside;
use crate::feed::link::LinkId;
use crate::feed::pacer::Pacer;
use crate::feed::queue::Queue;
use crate::feed::supervisor::{Action, Notice, Supervisor};
use crate::feed::tracker::{Answer, PAGE, Question, Tracker, Wanted};
use crate::feed::{FeedItem, FeedSettings, Subscription};

/// Frames that wait for the line; the sockets wait when there are more.
const EVENTS: usize = 4_096;
/// Longest sleep: how soon a change of the clock is noticed.
const MAX_SLEEP_MS: Millis = 1_000;

/// What a line is told.
#[derive(Debug)]
pub(crate) enum Command {
    Add(String, Subscription),
    Remove(String),
}

/// What all lines of a feed share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The sockets that may be opened.
    pub(crate) budget: Mutex<Pacer>,
    /// Of each reader.
    pub(crate) queues: Mutex<Vec<Arc<Queue>>>,
}

impl Shared {
    /// Tells every reader that is still there.
    pub(crate) fn tell(&self, items: Vec<FeedItem>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| Arc::strong_count(queue) > 1);
        for item in items {
            for queue in queues.iter() {
                queue.push(item.clone());
            }
        }
    }
}

/// The state of a line's task.
pub(crate) struct Line {
    url: String,
    tls: Arc<ClientConfig>,
    outside: Outside,
    shared: Arc<Shared>,
    supervisor: Supervisor,
    tracker: Tracker,
    connections: BTreeMap<LinkId, Connection>,
    tasks: JoinSet<()>,
    answers: JoinSet<(Question, Result<Answer, Error>)>,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    /// What the clock showed last, and the time that has passed: a clock set back takes none of it away.
    seen: Millis,
    now: Millis,
}

impl Line {
    pub(crate) fn new(
        settings: &FeedSettings,
        url: String,
        seed: u64,
        tls: Arc<ClientConfig>,
        outside: Outside,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            url,
            tls,
            supervisor: Supervisor::new(settings.clone(), seed),
            tracker: Tracker::new(settings.max_silence),
            shared,
            connections: BTreeMap::new(),
            tasks: JoinSet::new(),
            answers: JoinSet::new(),
            events: mpsc::channel(EVENTS),
            seen: outside.clock.now_ms(),
            now: outside.clock.now_ms(),
            outside,
        }
    }

    /// Works until the feed is closed.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let pause = self.work();
            let timer = Arc::clone(&self.outside.timer);
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(event) = self.events.1.recv() => self.take_all(event),
                Some(answer) = self.answers.join_next(), if !self.answers.is_empty() => self.answered(answer),
                // Sockets tell of their end by an event; here they are only tidied away.
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
                () = timer.sleep(pause) => {}
            }
        }
    }

    fn tick(&mut self) -> Millis {
        let shown = self.outside.clock.now_ms();
        self.now = self.now.saturating_add(shown.saturating_sub(self.seen).max(0));
        self.seen = shown;
        self.now
    }

    /// Does what is due, and returns how long there is nothing to do.
    fn work(&mut self) -> Duration {
        let now = self.tick();
        let mut items = Vec::new();
        self.tracker.find_stale(now, &mut items);
        if self.tracker.take_behind() {
            self.supervisor.roll(now);
        }
        let budget = Arc::clone(&self.shared);
        let actions = {
            let mut budget = budget.budget.lock().unwrap_or_else(PoisonError::into_inner);
            self.supervisor.poll(now, &mut budget)
        };
        for action in actions {
            self.act(action, now, &mut items);
        }
        for question in self.tracker.questions(now) {
            self.ask(question);
        }
        self.shared.tell(items);
        let due = [self.supervisor.next_due(), self.tracker.next_due()].into_iter().flatten().min();
        let pause = due.map_or(MAX_SLEEP_MS, |due| due.saturating_sub(now)).clamp(1, MAX_SLEEP_MS);
        Duration::from_millis(pause.unsigned_abs())
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add(name, subscription) => {
                self.supervisor.want(&name);
                let now = self.tick();
                self.tracker.add(name, subscription, now);
            }
            Command::Remove(name) => {
                self.supervisor.unwant(&name);
                self.tracker.remove(&name);
            }
        }
    }

    fn act(&mut self, action: Action, now: Millis, items: &mut Vec<FeedItem>) {
        match action {
            Action::Open(link) => {
                let events = self.events.0.clone();
                let tls = Arc::clone(&self.tls);
                let connection = Connection::open(&mut self.tasks, self.url.clone(), tls, link, events);
                self.connections.insert(link, connection);
            }
            Action::Send(link, text) => {
                if let Some(connection) = self.connections.get(&link) {
                    connection.send(text);
                }
            }
            Action::Drop(link) => drop(self.connections.remove(&link)),
            Action::Tell(notice) => self.notice(notice, now, items),
        }
    }

    fn notice(&mut self, notice: Notice, now: Millis, items: &mut Vec<FeedItem>) {
        match notice {
            Notice::Reconnecting(reason) => {
                tracing::warn!(url = %self.url, %reason, "reconnecting: {reason}");
                items.push(FeedItem::Reconnecting { streams: self.tracker.streams(), reason });
            }
            Notice::Stale(silent_for) => {
                items.push(FeedItem::Stale { streams: self.tracker.streams(), silent_for });
            }
            Notice::Carried(names) => self.tracker.carried(&names, now, items),
            Notice::Lost(names) => self.tracker.lost(&names),
            Notice::Refused(names, message) => {
                items.push(FeedItem::Refused { streams: self.tracker.streams_of(&names), message });
            }
        }
    }

    /// Takes in what has come by now, before anything else is looked at.
    fn take_all(&mut self, first: Event) {
        self.take(first);
        for _ in 0..EVENTS {
            let Ok(event) = self.events.1.try_recv() else { return };
            self.take(event);
        }
    }

    /// Takes in what a socket told. What a socket that was given up still had to say is left out.
    fn take(&mut self, event: Event) {
        let now = self.tick();
        match event {
            Event::Opened(link) => self.supervisor.opened(link, now),
            Event::Closed(link, reason) => {
                self.connections.remove(&link);
                self.supervisor.closed(link, now, &reason);
            }
            Event::Text(link, text) if self.connections.contains_key(&link) => {
                self.take_frame(link, text.as_str(), now);
            }
            Event::Text(..) => {}
        }
    }

    fn take_frame(&mut self, link: LinkId, text: &str, now: Millis) {
        match binance::parse(text) {
            Ok(Frame::Data { stream, told }) => {
                self.supervisor.heard_data(link, now);
                let mut items = Vec::new();
                self.tracker.heard(&stream, told, now, &mut items);
                self.shared.tell(items);
            }
            Ok(Frame::Answer { id, error }) => self.supervisor.heard_answer(link, id, error.as_deref()),
            Ok(Frame::Shutdown) => self.supervisor.heard_shutdown(link, now),
            Ok(Frame::Other) => {}
            // The hole it leaves is found by what comes next.
            Err(error) => tracing::warn!(%error, "a frame cannot be read: {error}"),
        }
    }

    fn ask(&mut self, question: Question) {
        let backfill = Arc::clone(&self.outside.backfill);
        self.answers.spawn(async move {
            let answer = match &question.what {
                Wanted::Candles(symbol, timeframe, since) => {
                    backfill.candles(symbol, *timeframe, *since, PAGE).await.map(Answer::Candles)
                }
                Wanted::Trades(symbol, from_id, since) => {
                    backfill.trades(symbol, *from_id, *since, PAGE).await.map(Answer::Trades)
                }
            };
            (question, answer)
        });
    }

    fn answered(&mut self, answer: Result<(Question, Result<Answer, Error>), tokio::task::JoinError>) {
        let now = self.tick();
        let (question, answer) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "a request for what was missed ended early: {error}");
                self.tracker.forget_questions(now);
                return;
            }
        };
        if let Err(error) = &answer {
            tracing::warn!(stream = %question.name, %error, "what was missed cannot be fetched yet: {error}");
        }
        let mut items = Vec::new();
        self.tracker.answered(&question, answer, now, &mut items);
        self.shared.tell(items);
    }
}

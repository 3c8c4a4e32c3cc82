//! Sockets over virtual days.

use super::*;
use crate::feed::binance::Venue;

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;

/// A supervisor, a network that does what it is told, and what was told to readers.
struct Net {
    supervisor: Supervisor,
    budget: Pacer,
    now: Millis,
    /// Sockets that are there, and when they were asked for.
    links: Vec<(LinkId, Millis)>,
    opened: u64,
    opened_at: Vec<Millis>,
    sent: Vec<(Millis, LinkId)>,
    notices: Vec<(Millis, Notice)>,
    /// Whether new sockets open, subscriptions are answered, and data comes.
    opens: bool,
    answers: bool,
    flows: bool,
}

impl Net {
    fn new(venue: Venue, names: usize) -> Self {
        let mut supervisor = Supervisor::new(FeedSettings::new(venue), 3);
        (0..names).for_each(|name| supervisor.want(&format!("m{name}@kline_1m")));
        let (most, window) = venue.connections();
        Self {
            supervisor,
            budget: Pacer::new(most, window),
            now: 0,
            links: Vec::new(),
            opened: 0,
            opened_at: Vec::new(),
            sent: Vec::new(),
            notices: Vec::new(),
            opens: true,
            answers: true,
            flows: true,
        }
    }

    /// Does what is due, and what becomes due by that.
    fn act(&mut self) {
        self.act_once();
        for _ in 0..3 {
            if self.supervisor.next_due().is_some_and(|due| due <= self.now) {
                self.act_once();
            }
        }
    }

    fn act_once(&mut self) {
        for action in self.supervisor.poll(self.now, &mut self.budget) {
            match action {
                Action::Open(link) => {
                    self.opened += 1;
                    self.opened_at.push(self.now);
                    self.links.push((link, self.now));
                    if self.opens {
                        self.supervisor.opened(link, self.now);
                    }
                }
                Action::Send(link, text) => {
                    self.sent.push((self.now, link));
                    let request: serde_json::Value = serde_json::from_str(&text).unwrap();
                    if self.answers {
                        self.supervisor.heard_answer(link, request["id"].as_u64().unwrap(), None);
                    }
                }
                Action::Drop(link) => self.links.retain(|(known, _)| *known != link),
                Action::Tell(notice) => self.notices.push((self.now, notice)),
            }
        }
    }

    /// Lets time pass in steps of at most a second. The exchange cuts sockets that are a day old.
    fn pass(&mut self, millis: Millis) {
        let until = self.now + millis;
        while self.now < until {
            self.act();
            let due = self.supervisor.next_due().unwrap_or(until);
            self.now = due.clamp(self.now + 1, self.now + SECOND).min(until);
            for (link, since) in self.links.clone() {
                if self.now - since >= 24 * HOUR {
                    self.cut(link);
                } else if self.flows {
                    self.supervisor.heard_data(link, self.now);
                }
            }
        }
        self.act();
    }

    fn cut(&mut self, link: LinkId) {
        self.links.retain(|(known, _)| *known != link);
        self.supervisor.closed(link, self.now, "cut");
    }

    fn notices(&mut self) -> Vec<(Millis, &'static str)> {
        let name = |notice: &Notice| match notice {
            Notice::Reconnecting(_) => "reconnecting",
            Notice::Stale(_) => "stale",
            Notice::Carried(_) => "carried",
            Notice::Lost(_) => "lost",
            Notice::Refused(..) => "refused",
        };
        self.notices.drain(..).map(|(at, notice)| (at, name(&notice))).collect()
    }
}

#[test]
fn sockets_are_replaced_before_their_day_is_over_and_nobody_notices() {
    let mut net = Net::new(Venue::Spot, 3);
    net.pass(10 * SECOND);
    assert_eq!(net.notices(), [(0, "carried")]);
    net.pass(10 * 24 * HOUR);
    assert_eq!(net.notices(), [], "no data was missed in ten days");
    assert_eq!(net.opened, 11, "one every 23 hours");
    assert_eq!(net.links.len(), 1);
}

#[test]
fn a_frozen_socket_is_found_and_replaced_within_half_a_minute() {
    let mut net = Net::new(Venue::UsdM, 1);
    net.pass(HOUR);
    net.notices();
    let frozen = net.now;
    (net.flows, net.opens) = (false, true);
    net.pass(26 * SECOND);
    let told = net.notices();
    let within = |what: &str| told.iter().any(|(at, name)| *name == what && at - frozen <= 30 * SECOND);
    assert!(within("stale") && within("reconnecting") && within("carried"), "{told:?}");
    assert_eq!(net.opened, 2);
}

#[test]
fn a_quiet_market_does_not_wear_out_sockets() {
    let mut net = Net::new(Venue::Spot, 1);
    net.flows = false;
    net.pass(24 * HOUR);
    assert!(net.opened < 115, "{} sockets in a day", net.opened);
    net.flows = true;
    net.pass(5 * SECOND);
    net.flows = false;
    let opened = net.opened;
    net.pass(30 * SECOND);
    assert_eq!(net.opened, opened + 1, "impatient again once it has flowed");
}

#[test]
fn an_exchange_that_is_gone_is_tried_without_end_and_with_pauses() {
    let mut net = Net::new(Venue::Spot, 1);
    net.pass(SECOND);
    net.opens = false;
    for _ in 0..100 {
        let known: Vec<LinkId> = net.links.iter().map(|(link, _)| *link).collect();
        known.into_iter().for_each(|link| net.cut(link));
        net.pass(HOUR / 10);
    }
    let opened = net.opened;
    // A silent network: each attempt lasts ten seconds, then up to thirty seconds of pause.
    assert!((900..3_700).contains(&opened), "{opened} attempts in ten hours");
    net.opens = true;
    net.notices();
    net.pass(60 * SECOND);
    assert!(net.notices().iter().any(|(_, name)| *name == "carried"));
}

#[test]
fn the_first_attempt_is_at_once() {
    let mut net = Net::new(Venue::Spot, 1);
    net.pass(HOUR);
    net.notices();
    let link = net.links[0].0;
    net.cut(link);
    let at = net.now;
    net.pass(1);
    assert_eq!(net.notices(), [(at, "reconnecting"), (at, "lost"), (at, "carried")]);
}

#[test]
fn an_announced_shutdown_costs_no_data() {
    let mut net = Net::new(Venue::Spot, 2);
    net.pass(HOUR);
    net.notices();
    let old = net.links[0].0;
    net.supervisor.heard_shutdown(old, net.now);
    net.pass(2 * SECOND);
    net.cut(old);
    net.pass(HOUR);
    assert_eq!(net.notices(), []);
    assert_eq!((net.opened, net.links.len()), (2, 1));
}

#[test]
fn a_main_socket_that_breaks_while_it_is_replaced_is_a_reconnect() {
    let mut net = Net::new(Venue::Spot, 2);
    net.pass(HOUR);
    net.notices();
    net.answers = false;
    let old = net.links[0].0;
    net.supervisor.roll(net.now);
    net.pass(SECOND);
    net.cut(old);
    net.pass(SECOND);
    let told: Vec<&str> = net.notices().iter().map(|(_, name)| *name).collect();
    assert_eq!(told, ["reconnecting", "lost"]);
    net.answers = true;
    net.pass(20 * SECOND);
    assert!(
        net.notices().iter().any(|(_, name)| *name == "carried"),
        "an unanswered subscription is given up"
    );
}

#[test]
fn messages_stay_below_the_exchanges_limit() {
    for (venue, most) in [(Venue::Spot, 5), (Venue::UsdM, 10)] {
        let mut net = Net::new(venue, 1_024);
        net.pass(10 * SECOND);
        (0..1_024).for_each(|name| net.supervisor.unwant(&format!("m{name}@kline_1m")));
        net.supervisor.want("last@trade");
        net.pass(10 * SECOND);
        assert!(net.sent.len() >= 22, "{}", net.sent.len());
        for (from, _) in &net.sent {
            let in_second = net.sent.iter().filter(|(at, _)| (*from..from + SECOND).contains(at)).count();
            assert!(in_second < most, "{in_second}");
        }
    }
}

#[test]
fn the_budget_of_sockets_is_kept() {
    let mut net = Net::new(Venue::Spot, 1);
    for _ in 0..20_000 {
        net.pass(50);
        let known: Vec<LinkId> = net.links.iter().map(|(link, _)| *link).collect();
        known.into_iter().for_each(|link| net.cut(link));
        // As if each had lived long and well.
        net.supervisor.backoff.reset();
    }
    let opened = net.opened_at;
    assert!(opened.len() > 200);
    for from in &opened {
        let in_window = opened.iter().filter(|at| (*from..from + 300 * SECOND).contains(at)).count();
        assert!(in_window <= 100, "{in_window}");
    }
}

#[test]
fn what_nobody_wants_needs_no_socket() {
    let mut net = Net::new(Venue::Spot, 1);
    net.pass(SECOND);
    net.supervisor.unwant("m0@kline_1m");
    net.pass(SECOND);
    assert_eq!((net.links.len(), net.supervisor.next_due()), (0, None));
    net.supervisor.want("m1@kline_1m");
    net.pass(SECOND);
    assert_eq!(net.links.len(), 1);
}

//! A bar for every series that is being collected, and one for all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tradai_control_plane::data::{SeriesOutcome, SeriesState, SyncPlan, SyncProgress};

/// How often bars move.
const FRAME: Duration = Duration::from_millis(100);

/// Bars on the terminal; nothing where there is none. They vanish when dropped.
pub(super) struct Bars {
    all: MultiProgress,
    /// How many series have ended.
    total: ProgressBar,
    /// Of the series under way, by their place in the plan.
    running: RefCell<BTreeMap<usize, ProgressBar>>,
}

impl Bars {
    pub(super) fn new(plan: &SyncPlan) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let all = MultiProgress::with_draw_target(target);
        let series = u64::try_from(plan.series.len()).unwrap_or(u64::MAX);
        let total = all.add(styled(ProgressBar::new(series), "{msg:26} [{bar:30}] {pos}/{len} {elapsed}"));
        total.set_message(format!("{} {}", plan.exchange.key(), plan.timeframe));
        Self { all, total, running: RefCell::default() }
    }

    /// Moves the bars for as long as somebody waits.
    pub(super) async fn follow(&self, progress: &SyncProgress) -> Infallible {
        let mut frames = tokio::time::interval(FRAME);
        loop {
            frames.tick().await;
            self.show(&progress.outcomes());
        }
    }

    fn show(&self, outcomes: &[SeriesOutcome]) {
        let mut running = self.running.borrow_mut();
        for (at, outcome) in outcomes.iter().enumerate() {
            if outcome.state == SeriesState::Running {
                let bar = running.entry(at).or_insert_with(|| self.bar(outcome));
                bar.set_length(outcome.candles_expected);
                bar.set_position(outcome.candles_answered);
            } else if let Some(bar) = running.remove(&at) {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
        }
        let ended = outcomes.iter().filter(|outcome| outcome.state.is_final()).count();
        self.total.set_position(u64::try_from(ended).unwrap_or(u64::MAX));
    }

    fn bar(&self, outcome: &SeriesOutcome) -> ProgressBar {
        let template = "  {msg:24} [{bar:30}] {human_pos}/{human_len} candles {eta}";
        let bar = self.all.insert_before(&self.total, styled(ProgressBar::new(0), template));
        bar.set_message(outcome.key.symbol.to_string());
        bar
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // A terminal that is gone needs no tidying.
        drop(self.all.clear());
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

//! How many runs are at work at the same time.
//!
//! A place is held from where a run is read: by each of its branches while it goes through states, not while it waits
//! for a moment, for a task or for branches of its own. Whoever wants one stands in line, new runs and those that come
//! back from waiting alike, and gives it up after each state: no run keeps others from their turn, however long it
//! goes on, and none of them waits for what another one waits for.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places, and the line before them.
#[derive(Debug, Clone)]
pub(super) struct Places {
    places: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

/// A place of one branch.
#[derive(Debug)]
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Semaphore>,
}

/// A run's standing in line, not read yet.
#[derive(Debug)]
pub(super) struct Standing(Option<OwnedSemaphorePermit>);

/// New runs that stand in line; others stay in the database.
pub(super) const MOST_IN_LINE: usize = 256;

impl Places {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), line: Arc::new(Semaphore::new(MOST_IN_LINE)) }
    }

    /// Returns how many new runs may come into the line.
    pub(super) fn room(&self) -> usize {
        self.line.available_permits()
    }

    /// Waits until there is room for half a line: looking for the runs that come is not worth it for one.
    pub(super) async fn much_room(&self) {
        let half = u32::try_from(MOST_IN_LINE / 2).unwrap_or(u32::MAX);
        drop(self.line.acquire_many(half).await);
    }

    /// Puts a new run in line.
    pub(super) fn stand(&self) -> Standing {
        Standing(self.line.clone().try_acquire_owned().ok())
    }

    /// Takes a place, once those before have had theirs.
    pub(super) async fn take(&self) -> Place {
        // It is never closed.
        Place { permit: self.places.clone().acquire_owned().await.ok(), places: self.places.clone() }
    }
}

impl Standing {
    /// Takes a place, and leaves the line.
    pub(super) async fn turn(self, places: &Places) -> Place {
        let place = places.take().await;
        drop(self.0);
        place
    }
}

impl Place {
    /// Waits for something without the place, and then for a place again.
    pub(super) async fn without<T>(&mut self, awaited: impl Future<Output = T>) -> T {
        self.permit = None;
        let value = awaited.await;
        self.permit = self.places.clone().acquire_owned().await.ok();
        value
    }

    /// Lets those in line have their turn first.
    pub(super) async fn pass_on(&mut self) {
        self.without(std::future::ready(())).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn no_more_than_its_places_are_at_work_and_each_comes_to_its_turn() {
        let places = Places::new(2);
        let (at_work, most) = (Mutex::new(0), Mutex::new(0));
        let told = Mutex::new(Vec::new());
        let run = |name: usize| {
            let (places, at_work, most, told) = (&places, &at_work, &most, &told);
            async move {
                let mut place = places.take().await;
                for round in 0..3 {
                    *at_work.lock().unwrap() += 1;
                    tokio::task::yield_now().await;
                    let now = *at_work.lock().unwrap();
                    most.lock().map(|mut most| *most = now.max(*most)).unwrap();
                    told.lock().unwrap().push((round, name));
                    *at_work.lock().unwrap() -= 1;
                    place.pass_on().await;
                }
            }
        };
        join_all((0..6).map(run)).await;
        assert_eq!(*most.lock().unwrap(), 2);
        let told = told.into_inner().unwrap();
        let turns: Vec<_> = (0..3).flat_map(|round| (0..6).map(move |name| (round, name))).collect();
        assert_eq!(told, turns, "nobody has a second turn before all others had theirs");
    }

    #[tokio::test]
    async fn who_waits_leaves_the_place_to_others() {
        let places = Places::new(1);
        let mut place = places.take().await;
        let other = async { drop(places.take().await) };
        place.without(other).await;
        assert_eq!(places.places.available_permits(), 0, "and has one again afterwards");
        drop(place);
        assert_eq!(places.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn the_line_is_left_with_a_place() {
        let places = Places::new(1);
        let held = places.take().await;
        let (one, other) = (places.stand(), places.stand());
        assert_eq!(places.room(), MOST_IN_LINE - 2);
        drop(other);
        let turn = one.turn(&places);
        tokio::pin!(turn);
        assert!(futures_util::poll!(&mut turn).is_pending());
        assert_eq!(places.room(), MOST_IN_LINE - 1);
        drop(held);
        let place = turn.await;
        assert_eq!(places.room(), MOST_IN_LINE);
        drop(place);
    }
}

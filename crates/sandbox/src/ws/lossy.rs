//! Frames on their way to a client, as faults would have them.

use tradai_domain::Millis;

use super::Out;
use crate::exchange::Exchange;
use crate::faults::Fault;

/// What fault plans call user streams: their keys are not known before.
pub(super) const USER: &str = "user";

/// The way out of one socket.
#[derive(Debug, Default)]
pub(super) struct Lossy {
    /// A frame that comes after the next one.
    held: Option<String>,
    /// Whether it says nothing any more.
    pub(super) is_stalled: bool,
}

impl Lossy {
    /// Sends a frame of a stream; `false` when the socket says nothing any more.
    pub(super) fn deliver(
        &mut self,
        name: &str,
        text: String,
        now: Millis,
        exchange: &mut Exchange,
        outs: &mut Vec<Out>,
    ) -> bool {
        let mut struck = |is_kind| exchange.faults.strikes_frame(is_kind, name, now);
        if struck(|fault| *fault == Fault::Cut) {
            outs.push(Out::Cut);
            return false;
        }
        if struck(|fault| *fault == Fault::Stall) {
            self.is_stalled = true;
            return false;
        }
        if struck(|fault| *fault == Fault::DropFrame) {
            return true;
        }
        if self.held.is_none() && struck(|fault| *fault == Fault::LateFrame) {
            self.held = Some(text);
            return true;
        }
        let copies = if struck(|fault| *fault == Fault::DuplicateFrame) { 2 } else { 1 };
        outs.extend(std::iter::repeat_n(Out::Text(text), copies));
        outs.extend(self.held.take().map(Out::Text));
        true
    }
}

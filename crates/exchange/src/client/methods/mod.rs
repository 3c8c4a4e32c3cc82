//! The calls by their names: CCXT's, in Rust's spelling. Thin: each is one [`Call`](crate::Call).

/// Takes the variant that belongs to a call out of its reply.
macro_rules! reply {
    ($reply:expr, $variant:ident) => {
        match $reply? {
            Reply::$variant(value) => Ok(value),
            _ => Err(Error::bad_response("the reply is of another kind than the call")),
        }
    };
}

mod changing;
mod reading;

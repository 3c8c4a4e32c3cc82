//! Weights that grow with parameters, as Binance documents them.

use super::book::Book;

/// Returns the weight of candles.
pub(super) fn klines(book: Book, limit: u32) -> u32 {
    match (book, limit) {
        (Book::Spot, _) => 2,
        (_, ..100) => 1,
        (_, ..500) => 2,
        (_, ..=1000) => 5,
        _ => 10,
    }
}

/// Returns the weight of an order book.
pub(super) fn depth(book: Book, limit: Option<u32>) -> u32 {
    match (book, limit.unwrap_or(if book == Book::Spot { 100 } else { 500 })) {
        (Book::Spot, ..=100) => 5,
        (Book::Spot, ..=500) => 25,
        (Book::Spot, ..=1000) => 50,
        (Book::Spot, _) => 250,
        (_, ..=50) => 2,
        (_, ..=100) => 5,
        (_, ..=500) => 10,
        _ => 20,
    }
}

/// Returns the weight of 24-hour tickers, of so many markets; 0 stands for all.
pub(super) fn tickers(book: Book, markets: usize) -> u32 {
    match (book, markets) {
        (Book::Spot, 1..=20) => 2,
        (Book::Spot, 21..=100) => 40,
        (Book::Spot, _) => 80,
        (_, 1) => 1,
        _ => 40,
    }
}

/// Returns the weight of open orders, of one market or of all.
pub(super) fn open_orders(book: Book, one: bool) -> u32 {
    match (book, one) {
        (Book::Spot, true) => 6,
        (Book::Spot, false) => 80,
        (_, true) => 1,
        (_, false) => 40,
    }
}

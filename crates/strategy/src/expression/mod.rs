//! The expression language of declarative strategies: text, tree, graph, columns.
//!
//! [`parse`] turns text into an [`Expr`]. The declarative module resolves its names and lowers it into a
//! `graph`, in which equal sub-expressions are one node; `evaluate` computes nodes as whole columns, and
//! `scalar` computes the answers of hooks for one trade. Traders read about it in `docs/guides/strategies.md`.
//!
//! Invariant: no operation reads a later row. There is no syntax for it: `prev` takes a constant of 0 or
//! more, windows trail, and candles of a longer timeframe are seen once they have closed.

mod ast;
mod error;
pub(crate) mod evaluate;
pub(crate) mod graph;
pub(crate) mod indicator;
mod kernels;
mod lexer;
pub(crate) mod lookback;
mod operation;
mod parser;
pub(crate) mod scalar;
pub(crate) mod variable;
mod window;

pub use ast::{Comparison, Expr, ExprKind, NameRef, SeriesRef, Span};
pub use error::ExpressionError;
pub(crate) use error::did_you_mean;
pub use operation::{BinaryOp, FUNCTIONS, FunctionDoc};
pub(crate) use operation::{Compare, Map1, Map2, WindowOp};
pub use parser::parse;
pub use variable::{VARIABLES, VariableDoc};

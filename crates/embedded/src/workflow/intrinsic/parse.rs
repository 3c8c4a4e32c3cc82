//! Reading calls of functions.

use serde_json::Value;

use super::{Argument, Call, Function};
use crate::workflow::path::Path;

/// How deep calls may be in one another.
const MAX_DEPTH: usize = 10;
/// Arguments that a call may have.
const MAX_ARGUMENTS: usize = 100;

/// Reads a whole text as a call.
pub(super) fn call(text: &str) -> Result<Call, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    let call = parser.call()?;
    if parser.rest.trim().is_empty() { Ok(call) } else { Err(format!("has `{}` after its end", parser.rest)) }
}

/// Resolves `\'`, `\{`, `\}` and `\\`.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn call(&mut self) -> Result<Call, String> {
        let (name, rest) = self.rest.split_once('(').ok_or("is no call of a function: it has no `(`")?;
        let function =
            Function::of(name.trim()).ok_or_else(|| format!("there is no function `{}`", name.trim()))?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("has calls in one another deeper than {MAX_DEPTH}"));
        }
        self.rest = rest.trim_start();
        let mut arguments = Vec::new();
        while !self.take(')') {
            if !arguments.is_empty() && !self.take(',') {
                return Err(format!("expected `,` or `)` before `{}`", self.rest));
            }
            if arguments.len() == MAX_ARGUMENTS {
                return Err(format!("has more than {MAX_ARGUMENTS} arguments"));
            }
            arguments.push(self.argument()?);
        }
        self.depth -= 1;
        function.check_count(arguments.len())?;
        Ok(Call { function, arguments })
    }

    fn take(&mut self, character: char) -> bool {
        let after = self.rest.trim_start().strip_prefix(character);
        if let Some(after) = after {
            self.rest = after.trim_start();
        }
        after.is_some()
    }

    fn argument(&mut self) -> Result<Argument, String> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with("States.") {
            return self.call().map(Argument::Call);
        }
        if let Some(rest) = self.rest.strip_prefix('\'') {
            let end = end_of_text(rest).ok_or("has a text without its closing quote")?;
            self.rest = &rest[end + 1..];
            return Ok(Argument::Text(rest[..end].to_owned()));
        }
        let (word, rest) = self.rest.split_at(end_of_word(self.rest));
        self.rest = rest;
        let word = word.trim_end();
        if word.starts_with('$') {
            return Path::parse(word).map(Argument::Path).map_err(|problem| format!("`{word}` {problem}"));
        }
        match serde_json::from_str::<Value>(word) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(Argument::Plain(value)),
            _ => Err(format!("`{word}` is no path, text, number, true, false, null or call")),
        }
    }
}

/// Returns where the closing quote is.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'\'' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

/// Returns where a path or number ends: at a comma or a parenthesis that is not its own.
fn end_of_word(text: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') if depth > 0 => depth -= 1,
            (None, b',' | b')') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_every_kind_are_read() {
        let call =
            call(r"States.Array( $.a['x,y)'][?(@.b > 1)] , 'it\'s, (here)', -1.5e3,true,States.UUID( ) )");
        let kinds: Vec<&str> = call
            .unwrap()
            .arguments
            .iter()
            .map(|argument| match argument {
                Argument::Path(_) => "path",
                Argument::Text(text) => {
                    assert_eq!(unescaped(text), "it's, (here)");
                    "text"
                }
                Argument::Plain(_) => "plain",
                Argument::Call(_) => "call",
            })
            .collect();
        assert_eq!(kinds, ["path", "text", "plain", "plain", "call"]);
    }

    #[test]
    fn what_is_no_call_says_why() {
        for (text, part) in [
            ("States.Nothing()", "no function `States.Nothing`"),
            ("States.UUID", "no `(`"),
            ("States.UUID(1)", "takes no argument"),
            ("States.ArrayLength($.a, $.b)", "takes 1 argument"),
            ("States.Array(1 2)", "no path, text, number"),
            ("States.Array('a' 'b')", "expected `,` or `)`"),
            ("States.Array('a)", "closing quote"),
            ("States.Array(1", "expected `,` or `)`"),
            ("States.Array(1) x", "after its end"),
            ("States.Array([1])", "no path, text, number"),
            ("States.Array($.a[?)", "is no path"),
        ] {
            let problem = call(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
        let deep = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
        assert!(call(&deep).unwrap_err().contains("deeper than 10"));
    }
}

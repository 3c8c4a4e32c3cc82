//! The reader under [`Json`] and the candle parser.

use std::borrow::Cow;

use super::Json;

/// How deep a document may nest.
pub const MAX_DEPTH: usize = 64;

/// The bytes are no JSON from here on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no JSON at byte {at}")]
pub struct JsonError {
    /// Offset of the first byte that does not belong.
    pub at: usize,
}

/// A position in a JSON text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Returns a scanner at the start of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the fault at the current place.
    #[must_use]
    pub fn fault(&self) -> JsonError {
        JsonError { at: self.at }
    }

    /// Returns the next byte that is no white space, without taking it.
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Takes the next byte if it is this one.
    pub fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Takes this byte.
    ///
    /// # Errors
    /// [`JsonError`] when something else comes next.
    pub fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.fault()) }
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// [`JsonError`] when there is more.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.fault()) }
    }

    /// Reads one value of any kind.
    ///
    /// # Errors
    /// [`JsonError`] where it is none, or nests deeper than [`MAX_DEPTH`].
    pub fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        match self.peek() {
            Some(b'{') => self.map(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Ok(Json::Number(self.number()?)),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault());
        }
        self.at += word.len();
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.fault());
        }
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(Json::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.fault());
        }
        self.expect(b'{')?;
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Map(members));
        }
        loop {
            let key = self.key()?;
            members.push((key, self.value(depth)?));
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b'}')?;
        Ok(Json::Map(members))
    }

    /// Reads a member's name and the colon after it.
    ///
    /// # Errors
    /// [`JsonError`] when there is none.
    pub fn key(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.fault());
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Passes over one value of any kind without keeping it.
    ///
    /// # Errors
    /// As [`Scanner::value`].
    pub fn skip(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.raw_string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => self.value(depth).map(drop),
        }
    }

    /// Reads a number or a string as its raw text: for fields that hold a number either way.
    ///
    /// # Errors
    /// [`JsonError`] when neither comes next.
    #[inline]
    pub fn scalar(&mut self) -> Result<&'a str, JsonError> {
        match self.peek() {
            Some(b'"') => self.raw_string(),
            _ => self.number(),
        }
    }

    /// Returns the bytes that are left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Moves on by so many ASCII bytes that [`Scanner::rest`] showed.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    fn number(&mut self) -> Result<&'a str, JsonError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start;
        at += usize::from(bytes.get(at) == Some(&b'-'));
        let whole = at;
        at = digits(bytes, at);
        let leading_zero = bytes.get(whole) == Some(&b'0') && at > whole + 1;
        let mut fault = at == whole || leading_zero;
        if bytes.get(at) == Some(&b'.') {
            let fraction = at + 1;
            at = digits(bytes, fraction);
            fault |= at == fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            let exponent = at;
            at = digits(bytes, exponent);
            fault |= at == exponent;
        }
        if fault {
            return Err(JsonError { at });
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    /// Reads a string, escapes and all.
    #[inline]
    fn raw_string(&mut self) -> Result<&'a str, JsonError> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)) else {
                return Err(JsonError { at: bytes.len() });
            };
            at += plain;
            match bytes[at] {
                b'"' => break,
                b'\\' => at += 2,
                _ => return Err(JsonError { at }),
            }
        }
        self.at = at + 1;
        self.text.get(start..at).ok_or(JsonError { at })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at;
        let raw = self.raw_string()?;
        if !raw.contains('\\') {
            return Ok(Cow::Borrowed(raw));
        }
        unescape(raw).map(Cow::Owned).ok_or(JsonError { at: start })
    }
}

#[inline]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        text.push(match escape {
            b'"' | b'\\' | b'/' => escape.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => unicode(&mut rest)?,
            _ => return None,
        });
    }
    text.push_str(rest);
    Some(text)
}

/// Reads the digits of a `\u` escape, and those of its second half where it is a surrogate pair.
fn unicode(rest: &mut &str) -> Option<char> {
    let first = hex(rest)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    *rest = rest.strip_prefix("\\u")?;
    let second = hex(rest)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}

fn hex(rest: &mut &str) -> Option<u32> {
    let digits = rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    *rest = &rest[4..];
    Some(value)
}

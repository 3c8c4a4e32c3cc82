//! From text to tokens.

use tradai_domain::{Symbol, Timeframe};

use super::error::ExpressionError;
use super::{NameRef, SeriesRef, Span};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(NameRef),
    /// An operator, a bracket or a comma.
    Sign(&'static str),
    End,
}

/// Operators, longer ones before those that they begin with.
const SIGNS: [&str; 14] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","];

/// What people write who come from elsewhere, and what it is called here.
const FOREIGN: [(&str, &str); 7] = [
    ("&&", "write `and`"),
    ("&", "write `and`"),
    ("||", "write `or`"),
    ("|", "write `or`"),
    ("~", "write `not`"),
    ("!", "write `not`"),
    ("=", "write `==`"),
];

/// Splits text into tokens; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, ExpressionError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let (token, span) = lexer.next()?;
        let last = token == Token::End;
        tokens.push((token, span));
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Takes the characters that hold, and returns them.
    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !holds(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn next(&mut self) -> Result<(Token, Span), ExpressionError> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let token = match self.rest().chars().next() {
            None => Token::End,
            Some(c) if c.is_ascii_digit() || c == '.' => self.number()?,
            Some(c) if is_name_start(c) => self.name()?,
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some(c) => self.sign(c)?,
        };
        Ok((token, Span { start, end: self.at }))
    }

    fn number(&mut self) -> Result<Token, ExpressionError> {
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '_');
        let mut ahead = self.rest().chars();
        if matches!(ahead.next(), Some('e' | 'E')) {
            let exponent = ahead.next();
            let signed = matches!(exponent, Some('+' | '-'));
            let digit = if signed { ahead.next() } else { exponent };
            if digit.is_some_and(|c| c.is_ascii_digit()) {
                self.at += if signed { 2 } else { 1 };
                self.take_while(|c| c.is_ascii_digit());
            }
        }
        // `5m` or `2x` is a slip, not a number followed by a name.
        self.take_while(|c| is_name_start(c) || c.is_ascii_digit());
        let text = &self.text[start..self.at];
        let number = text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Token::Number).ok_or_else(|| {
            ExpressionError::new(Span { start, end: self.at }, format!("`{text}` is not a number"))
        })
    }

    fn name(&mut self) -> Result<Token, ExpressionError> {
        let name = self.word().to_owned();
        let mut output = None;
        if self.rest().starts_with('.') {
            self.at += 1;
            let start = self.at;
            let word = self.word();
            if word.is_empty() {
                let message = "an output must follow the dot, such as `macd.signal`";
                return Err(ExpressionError::new(Span { start: start - 1, end: start }, message));
            }
            output = Some(word.to_owned());
        }
        let series = self.series()?;
        Ok(Token::Name(NameRef { name, output, series }))
    }

    fn word(&mut self) -> &'a str {
        self.take_while(|c| is_name_start(c) || c.is_ascii_digit())
    }

    /// What follows `@`: a timeframe, a pair, or a pair and a timeframe.
    fn series(&mut self) -> Result<SeriesRef, ExpressionError> {
        let mut series = SeriesRef::default();
        let is_code = |c: char| c.is_alphanumeric();
        while self.rest().starts_with('@') && series.timeframe.is_none() {
            let start = self.at;
            self.at += 1;
            let word_start = self.at;
            let word = self.take_while(is_code);
            if let Ok(timeframe) = word.parse::<Timeframe>() {
                series.timeframe = Some(timeframe);
                continue;
            }
            for separator in ['/', ':'] {
                if self.rest().starts_with(separator) {
                    self.at += 1;
                    self.take_while(is_code);
                }
            }
            let text = &self.text[word_start..self.at];
            match text.parse::<Symbol>() {
                Ok(pair) if series.pair.is_none() => series.pair = Some(pair),
                _ => {
                    let all = Timeframe::ALL.map(Timeframe::as_str).join(" ");
                    let message = format!(
                        "`{text}` after @ is no timeframe ({all}) and no pair (BTC/USDT, BTC/USDT:USDT); \
                         write `close@1h`, `close@BTC/USDT` or `close@BTC/USDT@1h`"
                    );
                    return Err(ExpressionError::new(Span { start, end: self.at }, message));
                }
            }
        }
        Ok(series)
    }

    fn quoted(&mut self, quote: char) -> Result<Token, ExpressionError> {
        let start = self.at;
        self.at += 1;
        let text = self.take_while(|c| c != quote).to_owned();
        if self.rest().is_empty() {
            return Err(ExpressionError::new(Span { start, end: self.at }, "the text has no closing quote"));
        }
        self.at += 1;
        Ok(Token::Text(text))
    }

    fn sign(&mut self, first: char) -> Result<Token, ExpressionError> {
        let rest = self.rest();
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            self.at += sign.len();
            return Ok(Token::Sign(sign));
        }
        let span = |length: usize| Span { start: self.at, end: self.at + length };
        let foreign = FOREIGN.into_iter().find(|(sign, _)| rest.starts_with(sign));
        Err(match foreign {
            Some((sign, instead)) => {
                ExpressionError::new(span(sign.len()), format!("`{sign}` is not used here; {instead}"))
            }
            None => ExpressionError::new(
                span(first.len_utf8()),
                format!("`{}` has no meaning here", first.escape_debug()),
            ),
        })
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let tokens = tokens(text).unwrap();
        tokens
            .into_iter()
            .filter_map(|(token, _)| match token {
                Token::Name(name) => Some(name.to_string()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn names_carry_output_pair_and_timeframe() {
        let text = "macd.signal@1h / close@BTC/USDT:USDT@4h-open@ETH/USDT";
        assert_eq!(names(text), ["macd.signal@1h", "close@BTC/USDT:USDT@4h", "open@ETH/USDT"]);
        assert_eq!(names("close@1h/open@1d"), ["close@1h", "open@1d"]);
    }

    #[test]
    fn numbers_in_every_spelling() {
        let values: Vec<f64> = tokens("1 .5 2.25 1e3 1_000 2E-2")
            .unwrap()
            .into_iter()
            .filter_map(|(token, _)| if let Token::Number(number) = token { Some(number) } else { None })
            .collect();
        assert_eq!(values, [1.0, 0.5, 2.25, 1000.0, 1000.0, 0.02]);
    }

    #[test]
    fn slips_are_named() {
        for (text, message) in [
            ("a & b", "`&` is not used here; write `and`"),
            ("5m", "`5m` is not a number"),
            ("1.2.3", "`1.2.3` is not a number"),
            ("'open", "the text has no closing quote"),
            ("a # b", "`#` has no meaning here"),
            ("macd.", "an output must follow the dot, such as `macd.signal`"),
        ] {
            assert_eq!(tokens(text).unwrap_err().message, message, "{text}");
        }
        assert!(tokens("close@7m").unwrap_err().message.starts_with("`7m` after @ is no timeframe"));
    }
}

//! From tokens to trees, by precedence.

use super::ast::{Comparison, Expr, ExprKind};
use super::error::{ExpressionError, did_you_mean};
use super::lexer::{Token, tokens};
use super::operation::{BinaryOp, Compare, FUNCTIONS};
use super::{NameRef, Span};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 10_000;

/// Most levels of an expression: far beyond what people write, small enough for any thread's stack.
const MAX_DEPTH: usize = 100;

/// Parses an expression.
///
/// ```
/// use tradai_strategy::expression::parse;
///
/// let rule = parse("crosses_above(ema_fast, ema_slow) and 45 < rsi < 70").unwrap();
/// assert_eq!(rule.to_string(), "crosses_above(ema_fast, ema_slow) and 45 < rsi < 70");
/// ```
///
/// # Errors
/// [`ExpressionError`] with the place and what was expected there.
pub fn parse(text: &str) -> Result<Expr, ExpressionError> {
    if text.len() > MAX_LENGTH {
        let message = format!("has {} bytes; at most {MAX_LENGTH} are allowed", text.len());
        return Err(ExpressionError::new(Span { start: 0, end: 1 }, message));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, open: 0 };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    /// How many unfinished calls of [`Parser::expression`] there are.
    open: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    /// Moves on; the end stays where it is.
    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<Span, ExpressionError> {
        let span = self.span();
        if self.accept(sign) { Ok(span) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, expected: &str) -> ExpressionError {
        let found = match self.peek() {
            Token::End => "the expression ends".to_owned(),
            Token::Number(number) => format!("`{number}` stands"),
            Token::Text(text) => format!("the text \"{text}\" stands"),
            Token::Name(name) => format!("`{name}` stands"),
            Token::Sign(sign) => format!("`{sign}` stands"),
        };
        ExpressionError::new(self.span(), format!("{found} where {expected} is expected"))
    }

    fn build(&self, kind: ExprKind, span: Span) -> Result<Expr, ExpressionError> {
        let expression = Expr::new(kind, span);
        if expression.depth() > MAX_DEPTH { Err(too_deep(span)) } else { Ok(expression) }
    }

    /// Parses what binds at least as tightly as `binding`.
    fn expression(&mut self, binding: u8) -> Result<Expr, ExpressionError> {
        self.open += 1;
        if self.open > MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        let mut left = self.operand()?;
        loop {
            if let Some(op) = self.binary_op() {
                if op.binding() < binding {
                    break;
                }
                self.advance();
                let right = self.expression(op.binding() + 1)?;
                let span = left.span.to(right.span);
                left = self.build(ExprKind::Binary(op, Box::new(left), Box::new(right)), span)?;
            } else if self.comparison_op().is_some() && BinaryOp::COMPARE >= binding {
                left = self.comparison(left)?;
            } else {
                break;
            }
        }
        self.open -= 1;
        Ok(left)
    }

    fn comparison(&mut self, first: Expr) -> Result<Expr, ExpressionError> {
        let mut rest = Vec::new();
        let mut span = first.span;
        while let Some(op) = self.comparison_op() {
            self.advance();
            let operand = self.expression(BinaryOp::COMPARE + 1)?;
            span = span.to(operand.span);
            rest.push(Comparison { op, operand });
        }
        self.build(ExprKind::Compare(Box::new(first), rest), span)
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        Some(match self.peek() {
            Token::Sign("+") => BinaryOp::Add,
            Token::Sign("-") => BinaryOp::Subtract,
            Token::Sign("*") => BinaryOp::Multiply,
            Token::Sign("/") => BinaryOp::Divide,
            Token::Sign("%") => BinaryOp::Remainder,
            Token::Name(name) if is_word(name, "and") => BinaryOp::And,
            Token::Name(name) if is_word(name, "or") => BinaryOp::Or,
            _ => return None,
        })
    }

    fn comparison_op(&self) -> Option<Compare> {
        let Token::Sign(sign) = self.peek() else { return None };
        Some(match *sign {
            "<" => Compare::Less,
            "<=" => Compare::LessOrEqual,
            ">" => Compare::Greater,
            ">=" => Compare::GreaterOrEqual,
            "==" => Compare::Equal,
            "!=" => Compare::NotEqual,
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<Expr, ExpressionError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Number(number) => {
                self.advance();
                self.build(ExprKind::Number(number), span)
            }
            Token::Text(text) => {
                self.advance();
                self.build(ExprKind::Text(text), span)
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("-") => {
                self.advance();
                let inner = self.expression(BinaryOp::NEGATE)?;
                let whole = span.to(inner.span);
                self.build(ExprKind::Negate(Box::new(inner)), whole)
            }
            Token::Name(name) => {
                self.advance();
                self.named(name, span)
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    fn named(&mut self, name: NameRef, span: Span) -> Result<Expr, ExpressionError> {
        if name.output.is_none() && name.series.is_own() {
            match name.name.as_str() {
                "true" => return self.build(ExprKind::Bool(true), span),
                "false" => return self.build(ExprKind::Bool(false), span),
                "none" => return self.build(ExprKind::None, span),
                "not" => {
                    let inner = self.expression(BinaryOp::NOT)?;
                    let whole = span.to(inner.span);
                    return self.build(ExprKind::Not(Box::new(inner)), whole);
                }
                "and" | "or" => {
                    return Err(ExpressionError::new(span, format!("`{name}` has nothing before it")));
                }
                _ => {}
            }
            if self.accept("(") {
                return self.call(name.name, span);
            }
        }
        self.build(ExprKind::Name(name), span)
    }

    fn call(&mut self, name: String, span: Span) -> Result<Expr, ExpressionError> {
        if !FUNCTIONS.iter().any(|function| function.name == name) {
            let all: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
            let hint = did_you_mean(&name, all.iter().copied());
            let message = format!("there is no function `{name}`{hint} (there are {})", all.join(", "));
            return Err(ExpressionError::new(span, message));
        }
        let mut arguments = Vec::new();
        if !matches!(self.peek(), Token::Sign(")")) {
            loop {
                arguments.push(self.expression(0)?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        let end = self.span();
        if !self.accept(")") {
            return Err(self.unexpected("`,` or `)`"));
        }
        self.build(ExprKind::Call(name, arguments), span.to(end))
    }
}

fn is_word(name: &NameRef, word: &str) -> bool {
    name.name == word && name.output.is_none() && name.series.is_own()
}

fn too_deep(span: Span) -> ExpressionError {
    let message =
        format!("is nested more than {MAX_DEPTH} levels deep; give a part of it a name under `indicators`");
    ExpressionError::new(span, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(text: &str) -> String {
        parse(text).unwrap_err().message
    }

    #[test]
    fn precedence_is_pythons() {
        for (text, same) in [
            ("a + b * c < d and not e > f or g", "((a + (b * c) < d) and (not (e > f))) or g"),
            ("a - b - c", "(a - b) - c"),
            ("a - (b - c)", "a - (b - c)"),
            ("-a * b", "(-a) * b"),
            ("1 < x <= 2", "1 < x <= 2"),
            ("not not a", "not (not a)"),
            ("(a < b) and c", "a < b and c"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), parse(same).unwrap().to_string(), "{text}");
        }
        assert_eq!(parse("a - (b - c)").unwrap().to_string(), "a - (b - c)");
        assert_eq!(parse("(a < b) == c").unwrap().to_string(), "(a < b) == c");
    }

    #[test]
    fn errors_say_what_was_expected() {
        assert_eq!(message(""), "the expression ends where a number, a name or `(` is expected");
        assert_eq!(message("rsi <"), "the expression ends where a number, a name or `(` is expected");
        assert_eq!(message("rsi 30"), "`30` stands where an operator or the end is expected");
        assert_eq!(message("(rsi"), "the expression ends where `)` is expected");
        assert_eq!(message("min(a b)"), "`b` stands where `,` or `)` is expected");
        assert_eq!(message("and x"), "`and` has nothing before it");
        assert!(message("cross_above(a, b)").starts_with("there is no function `cross_above`"));
        assert!(message("higest(a, 2)").contains("did you mean `highest`?"));
    }

    #[test]
    fn depth_and_length_are_bounded() {
        for text in ["(".repeat(9_000), "-".repeat(9_000), "a+".repeat(4_000) + "a", "not ".repeat(2_000)] {
            assert!(message(&text).contains("nested more than 100 levels"), "{}", &text[..8]);
        }
        assert!(message(&"a".repeat(10_001)).contains("at most 10000"));
    }

    /// Any expression, well typed or not.
    fn any_expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("close".to_owned()),
            Just("macd.signal@1h".to_owned()),
            Just("true".to_owned()),
            Just("\"a'b\"".to_owned()),
            (0.0..1e6_f64).prop_map(|number| number.to_string()),
        ];
        leaf.prop_recursive(5, 40, 3, |inner| {
            let operator = prop::sample::select(vec![
                "+", "-", "*", "/", "%", "and", "or", "<", "<=", ">", ">=", "==", "!=",
            ]);
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
                inner.clone().prop_map(|a| format!("not ({a})")),
                inner.clone().prop_map(|a| format!("-({a})")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("crosses_above({a}, {b})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn printing_and_parsing_again_changes_nothing(text in any_expression()) {
            let printed = parse(&text).unwrap().to_string();
            prop_assert_eq!(parse(&printed).unwrap().to_string(), printed);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            if let Err(error) = parse(&text) {
                prop_assert!(error.snippet(&text).contains('^'));
            }
        }

        #[test]
        fn no_near_miss_makes_it_panic(text in "[a-z0-9 ().,<>=!+*/%@:'\"&|-]{0,60}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.snippet(&text).contains('^'));
            }
        }
    }
}

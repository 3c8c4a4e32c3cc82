//! YAML as a tree that remembers its lines.
//!
//! The parser gives events; this builds the tree, within bounds on size, depth, the number of nodes and the length of
//! their texts, so that no file can hang the program or exhaust stack or memory (aliases are copied, and copies count).

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as EventSpan};

use super::error::Fault;

/// Largest file, in bytes.
const MAX_BYTES: usize = 1_000_000;

/// Deepest nesting.
const MAX_DEPTH: usize = 40;

/// Most nodes, aliases spelt out and anchors kept: many times what the largest strategy has.
const MAX_NODES: usize = 20_000;

/// Longest text of all nodes together, aliases spelt out and anchors kept, in bytes.
const MAX_TEXT: usize = 2 * MAX_BYTES;

/// A place in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One value of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a value is. Plain scalars get their type from those who read them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A scalar, and whether it stood without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
    /// Whether it came in with `<<` and gives way to a key written out.
    merged: bool,
}

impl Node {
    /// Returns the value of a key.
    pub(crate) fn find(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns whether nothing stands there (`key:`, `~`, `null`).
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns the text of a scalar, whatever its type.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match &self.value {
            Value::Scalar { text, plain: true } => parse_number(text),
            _ => None,
        }
    }

    /// Returns the value as JSON, with YAML's core types for plain scalars.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar { text, .. } => self.scalar_to_json(text),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect(),
            ),
        }
    }

    fn scalar_to_json(&self, text: &str) -> serde_json::Value {
        if self.is_null() {
            return serde_json::Value::Null;
        }
        if let Some(flag) = self.as_bool() {
            return flag.into();
        }
        match self.as_number() {
            Some(number) => match text.parse::<i64>() {
                Ok(whole) => whole.into(),
                Err(_) => number.into(),
            },
            None => text.into(),
        }
    }

    /// How a fault shows it: short, on one line.
    pub(crate) fn shown(&self) -> String {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "empty".to_owned(),
            Value::Scalar { text, plain } => {
                let short: String = text.chars().take(60).collect();
                if *plain { format!("`{short}`") } else { format!("\"{short}\"") }
            }
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// Numbers of YAML's core schema that are finite: nobody trades on `.inf`.
fn parse_number(text: &str) -> Option<f64> {
    let begins = text.strip_prefix(['-', '+']).unwrap_or(text).chars().next()?;
    if !begins.is_ascii_digit() && begins != '.' {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Parses a file that must hold one document: a map.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    if text.len() > MAX_BYTES {
        let message = format!("has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(Fault::new(Place::default(), "", message));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            Fault::new(place, "", format!("is no YAML: {}", error.info()))
        })?;
        builder.event(event, span)?;
    }
    match builder.root {
        Some(root) if matches!(root.value, Value::Map(_)) => Ok(root),
        Some(root) => Err(Fault::new(root.place, "", "must be a map that begins with `strategy:`")),
        None => Err(Fault::new(Place::default(), "", "is empty; a strategy begins with `strategy:`")),
    }
}

/// A list or map that is not complete yet.
struct Open {
    place: Place,
    anchor: usize,
    value: Value,
    /// The key that waits for its value.
    key: Option<(String, Place)>,
    /// Where each key of a map stands in it.
    positions: HashMap<String, usize>,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    text: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: EventSpan) -> Result<(), Fault> {
        let place = Place { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                let node = Node { place, value };
                self.count(&node, place)?;
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(place, anchor, Value::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(place, anchor, Value::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    self.add(1, 0, place)?;
                    self.complete(Node { place: open.place, value: open.value }, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.count(&node, place)?;
                    self.complete(Node { place, ..node }, 0)
                }
                None => Err(Fault::new(place, "", "an alias cannot stand inside what it stands for")),
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Fault::new(place, "", "a file holds one strategy; a second document begins here"))
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, value: Value) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::new(place, "", format!("is nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push(Open { place, anchor, value, key: None, positions: HashMap::new() });
        Ok(())
    }

    /// Counts a node and all that is in it.
    fn count(&mut self, node: &Node, place: Place) -> Result<(), Fault> {
        let (nodes, text) = size(node);
        self.add(nodes, text, place)
    }

    fn add(&mut self, nodes: usize, text: usize, place: Place) -> Result<(), Fault> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > MAX_NODES {
            return Err(Fault::new(place, "", format!("holds more than {MAX_NODES} values")));
        }
        if self.text > MAX_TEXT {
            let message = format!("holds more than {MAX_TEXT} bytes of text with aliases spelt out");
            return Err(Fault::new(place, "", message));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.count(&node, node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(entries), Some((key, place))) if key == "<<" => {
                merge(entries, &mut open.positions, node, place)?;
            }
            (Value::Map(entries), Some((key, place))) => {
                insert(entries, &mut open.positions, Entry { key, place, node, merged: false })?;
            }
            (Value::Map(_), None) => match node.value {
                Value::Scalar { text, .. } => open.key = Some((text, node.place)),
                _ => return Err(Fault::new(node.place, "", "a key must be a text or a number")),
            },
            (Value::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

fn insert(
    entries: &mut Vec<Entry>,
    positions: &mut HashMap<String, usize>,
    entry: Entry,
) -> Result<(), Fault> {
    let Some(known) = positions.get(&entry.key).map(|&position| &mut entries[position]) else {
        positions.insert(entry.key.clone(), entries.len());
        entries.push(entry);
        return Ok(());
    };
    if known.merged {
        *known = entry;
        return Ok(());
    }
    let message = format!("stands twice; first on line {}", known.place.line);
    Err(Fault::new(entry.place, &entry.key, message))
}

/// Adds the entries of a `<<: *map` that are not there yet.
fn merge(
    entries: &mut Vec<Entry>,
    positions: &mut HashMap<String, usize>,
    node: Node,
    place: Place,
) -> Result<(), Fault> {
    let Value::Map(others) = node.value else {
        return Err(Fault::new(place, "<<", "must be a map, such as `<<: *defaults`"));
    };
    for other in others {
        if !positions.contains_key(&other.key) {
            positions.insert(other.key.clone(), entries.len());
            entries.push(Entry { merged: true, ..other });
        }
    }
    Ok(())
}

/// Returns how many nodes there are in a node, itself included, and how long their texts are. Keys count as values do.
fn size(node: &Node) -> (usize, usize) {
    let sum = |(nodes, text), (more_nodes, more_text)| (nodes + more_nodes, text + more_text);
    match &node.value {
        Value::Scalar { text, .. } => (1, text.len()),
        Value::List(items) => items.iter().map(size).fold((1, 0), sum),
        Value::Map(entries) => {
            let keys = entries.iter().map(|entry| (1, entry.key.len()));
            let values = entries.iter().map(|entry| size(&entry.node));
            keys.chain(values).fold((1, 0), sum)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_and_types() {
        let root = parse("a: 1\nb:\n  - x\n  - {c: '2', d: ~}\n").unwrap();
        assert_eq!(root.find("a").unwrap().as_number(), Some(1.0));
        assert_eq!(root.to_json(), serde_json::json!({"a": 1, "b": ["x", {"c": "2", "d": null}]}));
        let Value::List(items) = &root.find("b").unwrap().value else { panic!() };
        assert_eq!(items[1].find("c").unwrap().place, Place { line: 4, column: 9 });
        for text in ["inf", ".inf", "nan", "0x10", "5m", "1.2.3", "-", ""] {
            assert_eq!(parse_number(text), None, "{text}");
        }
        assert_eq!(
            (parse_number("-0.5"), parse_number("1e3"), parse_number(".5")),
            (Some(-0.5), Some(1e3), Some(0.5))
        );
    }

    #[test]
    fn aliases_and_merges_are_spelt_out() {
        let root = parse("x: &base {a: 1, b: 2}\ny: {<<: *base, b: 3}\nz: *base\n").unwrap();
        let json = root.to_json();
        assert_eq!(json["y"], serde_json::json!({"a": 1, "b": 3}));
        assert_eq!(json["z"], json["x"]);
    }

    #[test]
    fn hostile_files_are_refused_quickly() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        let deep = "[".repeat(10_000);
        let wide = "- - ".repeat(10_000);
        let huge = " ".repeat(MAX_BYTES + 1);
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(400_000), ["*a"; 10].join(", "));
        for (text, part) in
            [(&bomb, "values"), (&deep, "deep"), (&wide, "deep"), (&huge, "bytes"), (&long, "bytes of text")]
        {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.contains(part) || fault.message.contains("no YAML"), "{}", fault.message);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, part) in [
            ("a: 1\na: 2\n", 2, "stands twice; first on line 1"),
            ("a: 1\n---\nb: 2\n", 2, "one strategy"),
            ("a: [1\n", 2, "is no YAML"),
            ("- 1\n", 1, "must be a map"),
            ("", 0, "is empty"),
            ("? [a]\n: 1\n", 1, "a key must be"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.contains(part), "{text}: {}", fault.message);
            assert_eq!(fault.line, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            parse(&text).ok();
        }

        #[test]
        fn no_near_yaml_makes_it_panic(text in "[a-c:&*<!|>{}\\[\\],'\"#~%@ \n\t-]{0,80}") {
            parse(&text).ok();
        }
    }
}

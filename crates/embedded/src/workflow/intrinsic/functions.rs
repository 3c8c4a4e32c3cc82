//! What each function does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::workflow::random::Random;

/// Elements that `States.ArrayRange` may come to.
const MAX_RANGE: usize = 1_000;
/// Bytes that may be encoded, decoded or hashed.
const MAX_TEXT: usize = 10_000;

/// A function by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workflow) enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// Names, and how many arguments each takes: at least, at most.
const FUNCTIONS: [(Function, &str, usize, usize); 18] = [
    (Function::Format, "States.Format", 1, usize::MAX),
    (Function::StringToJson, "States.StringToJson", 1, 1),
    (Function::JsonToString, "States.JsonToString", 1, 1),
    (Function::Array, "States.Array", 0, usize::MAX),
    (Function::ArrayPartition, "States.ArrayPartition", 2, 2),
    (Function::ArrayContains, "States.ArrayContains", 2, 2),
    (Function::ArrayRange, "States.ArrayRange", 3, 3),
    (Function::ArrayGetItem, "States.ArrayGetItem", 2, 2),
    (Function::ArrayLength, "States.ArrayLength", 1, 1),
    (Function::ArrayUnique, "States.ArrayUnique", 1, 1),
    (Function::Base64Encode, "States.Base64Encode", 1, 1),
    (Function::Base64Decode, "States.Base64Decode", 1, 1),
    (Function::Hash, "States.Hash", 2, 2),
    (Function::JsonMerge, "States.JsonMerge", 3, 3),
    (Function::MathRandom, "States.MathRandom", 2, 3),
    (Function::MathAdd, "States.MathAdd", 2, 2),
    (Function::StringSplit, "States.StringSplit", 2, 2),
    (Function::Uuid, "States.UUID", 0, 0),
];

impl Function {
    pub(super) fn of(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(_, known, ..)| *known == name).map(|(function, ..)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(function, ..)| *function == self).map_or("", |(_, name, ..)| name)
    }

    pub(super) fn check_count(self, count: usize) -> Result<(), String> {
        let entry = FUNCTIONS.iter().find(|(function, ..)| *function == self);
        let (least, most) = entry.map_or((0, usize::MAX), |&(.., least, most)| (least, most));
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let takes = match (least, most) {
            (0, 0) => "no argument".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(format!("{} takes {takes}, and has {count}", self.name()))
    }

    /// Calls it. The number of values is what [`Function::check_count`] admits.
    pub(super) fn call(self, values: &[Value], random: &Random) -> Result<Value, String> {
        match (self, values) {
            (Self::Format, [template, values @ ..]) => format(text(template)?, values),
            (Self::StringToJson, [json]) => {
                serde_json::from_str(text(json)?).map_err(|error| format!("the text is no JSON: {error}"))
            }
            (Self::JsonToString, [value]) => Ok(value.to_string().into()),
            (Self::Array, values) => Ok(values.to_vec().into()),
            (Self::ArrayPartition, [list, size]) => {
                let size = positive(size)?;
                Ok(array(list)?.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect())
            }
            (Self::ArrayContains, [list, value]) => Ok(array(list)?.contains(value).into()),
            (Self::ArrayRange, [first, last, step]) => range(integer(first)?, integer(last)?, integer(step)?),
            (Self::ArrayGetItem, [list, index]) => {
                let item =
                    usize::try_from(integer(index)?).ok().and_then(|index| array(list).ok()?.get(index));
                item.cloned().ok_or_else(|| format!("the array has no item {index}"))
            }
            (Self::ArrayLength, [list]) => Ok(array(list)?.len().into()),
            (Self::ArrayUnique, [list]) => Ok(unique(array(list)?)),
            (Self::Base64Encode, [data]) => Ok(STANDARD.encode(short(data)?).into()),
            (Self::Base64Decode, [data]) => decode(short(data)?),
            (Self::Hash, [data, algorithm]) => hash(data, text(algorithm)?),
            (Self::JsonMerge, [first, second, deep]) => merge(first, second, deep),
            (Self::MathRandom, [start, end]) => draw(integer(start)?, integer(end)?, random),
            // The same number for the same seed, in whichever run.
            (Self::MathRandom, [start, end, seed]) => {
                draw(integer(start)?, integer(end)?, &Random::new(integer(seed)?.to_string()))
            }
            (Self::MathAdd, [first, second]) => {
                let sum = integer(first)?.checked_add(integer(second)?);
                sum.map(Value::from).ok_or_else(|| "the sum is too large".to_owned())
            }
            (Self::StringSplit, [data, splitters]) => {
                let (data, splitters) = (text(data)?, text(splitters)?);
                let parts = data.split(|c| splitters.contains(c)).filter(|part| !part.is_empty());
                Ok(parts.map(Value::from).collect())
            }
            (Self::Uuid, _) => Ok(random.uuid().to_string().into()),
            _ => Err("has the wrong number of arguments".to_owned()),
        }
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("expected a text instead of {}", kind(value)))
}

fn array(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("expected an array instead of {}", kind(value)))
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("expected an object instead of {}", kind(value)))
}

fn integer(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| format!("expected a whole number instead of {value}"))
}

fn positive(value: &Value) -> Result<usize, String> {
    let size = integer(value).ok().and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    size.ok_or_else(|| format!("expected a whole number above 0 instead of {value}"))
}

fn short(value: &Value) -> Result<&str, String> {
    let text = text(value)?;
    let fits = text.len() <= MAX_TEXT;
    fits.then_some(text).ok_or_else(|| format!("the text has {} bytes; {MAX_TEXT} are allowed", text.len()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Puts values in for `{}`, in order.
fn format(template: &str, values: &[Value]) -> Result<Value, String> {
    let mut formatted = String::with_capacity(template.len());
    let (mut characters, mut values) = (template.chars(), values.iter());
    while let Some(character) = characters.next() {
        match character {
            '\\' => formatted.push(characters.next().unwrap_or('\\')),
            '{' if characters.next() == Some('}') => match values.next() {
                Some(Value::String(text)) => formatted.push_str(text),
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err("an array or object cannot be part of a text".to_owned());
                }
                Some(value) => formatted.push_str(&value.to_string()),
                None => return Err("there are more `{}` than values".to_owned()),
            },
            '{' | '}' => return Err(format!("a `{character}` that is no `{{}}` is written `\\{character}`")),
            character => formatted.push(character),
        }
    }
    if values.next().is_some() {
        return Err("there are more values than `{}`".to_owned());
    }
    Ok(formatted.into())
}

fn range(first: i64, last: i64, step: i64) -> Result<Value, String> {
    if step == 0 {
        return Err("the step is 0".to_owned());
    }
    let mut list = Vec::new();
    let mut next = Some(first);
    while let Some(number) = next.filter(|number| if step > 0 { *number <= last } else { *number >= last }) {
        if list.len() == MAX_RANGE {
            return Err(format!("the range has more than {MAX_RANGE} numbers"));
        }
        list.push(number);
        next = number.checked_add(step);
    }
    Ok(list.into())
}

fn unique(list: &[Value]) -> Value {
    let mut seen: Vec<Value> = Vec::new();
    for value in list {
        if !seen.contains(value) {
            seen.push(value.clone());
        }
    }
    seen.into()
}

fn decode(text: &str) -> Result<Value, String> {
    let bytes = STANDARD.decode(text).map_err(|error| format!("the text is no Base64: {error}"))?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| "what is encoded is no text".to_owned())
}

fn hash(data: &Value, algorithm: &str) -> Result<Value, String> {
    let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
    if text.len() > MAX_TEXT {
        return Err(format!("the data has {} bytes; {MAX_TEXT} are allowed", text.len()));
    }
    let bytes = match algorithm {
        "SHA-256" => Sha256::digest(&text).to_vec(),
        "SHA-384" => Sha384::digest(&text).to_vec(),
        "SHA-512" => Sha512::digest(&text).to_vec(),
        other => return Err(format!("`{other}` is not known; there are SHA-256, SHA-384 and SHA-512")),
    };
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

fn merge(first: &Value, second: &Value, deep: &Value) -> Result<Value, String> {
    if deep != &Value::Bool(false) {
        return Err("only shallow merging is there: the third argument must be false".to_owned());
    }
    let mut merged = object(first)?.clone();
    merged.extend(object(second)?.clone());
    Ok(merged.into())
}

/// Draws from `start` to before `end`.
fn draw(start: i64, end: i64, random: &Random) -> Result<Value, String> {
    let width = end.checked_sub(start).and_then(|width| u64::try_from(width).ok()).filter(|width| *width > 0);
    let width = width.ok_or_else(|| "the end must be above the start".to_owned())?;
    let drawn = i64::try_from(random.next() % width).unwrap_or_default();
    Ok((start + drawn).into())
}

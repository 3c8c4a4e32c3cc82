//! What a run may hold: bytes and depth of its data, events of its history.
//!
//! All that is kept of a run is read again after a restart, so what is kept stays well below what the reader of JSON
//! follows: a run that could be written but not read would never end.

use std::io;

use serde_json::Value;

/// Bytes of JSON that a state may hand on, or a run be started with: AWS's own bound.
pub(super) const MAX_DATA: usize = 256 * 1024;
/// How deep arrays and objects may be in one another. The reader follows 127 levels, of which a run's record takes two.
pub(super) const MAX_DEPTH: usize = 100;
/// Events of one run: AWS's own bound. A document that goes round in circles, or tries again for ever, ends here.
pub(super) const MAX_EVENTS: u64 = 25_000;

/// Returns how many bytes of JSON the data has.
///
/// # Errors
/// What is wrong with data that may not be kept, to go on after its name.
pub(super) fn bytes(data: &Value) -> Result<usize, String> {
    if !is_within(data, MAX_DEPTH) {
        return Err(format!("is nested deeper than {MAX_DEPTH} levels"));
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, data).map_err(|error| format!("cannot be written: {error}"))?;
    check(count.0)?;
    Ok(count.0)
}

/// Returns what is wrong with so many bytes of JSON.
pub(super) fn check(bytes: usize) -> Result<(), String> {
    if bytes > MAX_DATA {
        return Err(format!("has {bytes} bytes of JSON; {MAX_DATA} are allowed"));
    }
    Ok(())
}

/// Returns whether a value has no more levels of arrays and objects than these.
pub(super) fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|field| is_within(field, levels - 1)),
        _ => true,
    }
}

/// Counts bytes instead of keeping them.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(
            json!("x"),
            |inside, level| if level % 2 == 0 { json!([inside]) } else { json!({"a": inside}) },
        )
    }

    #[test]
    fn bytes_are_those_of_the_text() {
        let data = json!({"a": [1, null, "ä\n"], "b": {}});
        assert_eq!(bytes(&data), Ok(data.to_string().len()));
    }

    #[test]
    fn data_is_bounded_in_bytes_and_depth() {
        let text = |length: usize| Value::from("x".repeat(length));
        assert_eq!(bytes(&text(MAX_DATA - 2)), Ok(MAX_DATA));
        assert_eq!(
            bytes(&text(MAX_DATA - 1)),
            Err("has 262145 bytes of JSON; 262144 are allowed".to_owned())
        );
        assert!(bytes(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(bytes(&nested(MAX_DEPTH + 1)), Err("is nested deeper than 100 levels".to_owned()));
    }

    #[test]
    fn what_is_within_the_depth_can_be_read_again_where_it_is_kept() {
        let kept = json!({"At": {"input": nested(MAX_DEPTH)}});
        assert_eq!(serde_json::from_str::<Value>(&kept.to_string()).unwrap(), kept);
    }
}

//! Intrinsic functions: `States.Format('{}-{}', $.a, $.b)`.
//!
//! `States.Hash` knows the SHA-2 family only: what is hashed here identifies data, and older sums should not.

mod functions;
mod parse;

use serde_json::Value;

use super::fault::WorkflowFault;
use super::path::{Path, Scope};
use super::random::Random;

pub(super) use functions::Function;

/// A call of a function.
#[derive(Debug, Clone)]
pub(super) struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    Path(Path),
    /// Text between quotes, its escapes not resolved: `States.Format` has more of them than others.
    Text(String),
    /// A number, `true`, `false` or `null`.
    Plain(Value),
    Call(Call),
}

impl Call {
    /// Reads a call.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse::call(text)
    }

    /// Calls the function with what its arguments are in this data.
    pub(super) fn evaluate(&self, scope: Scope<'_>, random: &Random) -> Result<Value, WorkflowFault> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for (index, argument) in self.arguments.iter().enumerate() {
            values.push(match argument {
                Argument::Path(path) => path.resolve(scope)?,
                Argument::Text(text) if self.function == Function::Format && index == 0 => {
                    Value::String(text.clone())
                }
                Argument::Text(text) => Value::String(parse::unescaped(text)),
                Argument::Plain(value) => value.clone(),
                Argument::Call(call) => call.evaluate(scope, random)?,
            });
        }
        self.function
            .call(&values, random)
            .map_err(|problem| WorkflowFault::intrinsic(format!("{}: {problem}", self.function.name())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(text: &str) -> Result<Value, WorkflowFault> {
        let data = json!({"name": "Ann", "n": 3, "list": [1, 2, 2, 3], "text": "{\"a\":1}", "o": {"b": 2},
            "template": "<{}>"});
        let context = json!({"Execution": {"Name": "run-1"}});
        Call::parse(text).unwrap().evaluate(Scope { data: &data, context: &context }, &Random::new("seed"))
    }

    /// Results are those that the language's specification and AWS's documentation show for these calls.
    #[test]
    fn functions_do_what_is_documented() {
        for (text, expected) in [
            ("States.Format('Hello {}, {}', $.name, $.n)", json!("Hello Ann, 3")),
            (r"States.Format('\{{}\} \'{}\' \\', $.n, true)", json!(r"{3} 'true' \")),
            ("States.Format($.template, $$.Execution.Name)", json!("<run-1>")),
            ("States.Format('none')", json!("none")),
            ("States.StringToJson($.text)", json!({"a": 1})),
            ("States.JsonToString($.o)", json!("{\"b\":2}")),
            ("States.Array(1, 'a', null, $.n, States.Array())", json!([1, "a", null, 3, []])),
            ("States.ArrayPartition($.list, 3)", json!([[1, 2, 2], [3]])),
            ("States.ArrayContains($.list, 3)", json!(true)),
            ("States.ArrayContains($.list, '3')", json!(false)),
            ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
            ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
            ("States.ArrayGetItem($.list, 3)", json!(3)),
            ("States.ArrayLength($.list)", json!(4)),
            ("States.ArrayUnique($.list)", json!([1, 2, 3])),
            ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
            ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
            (
                "States.Hash('abc', 'SHA-256')",
                json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ),
            ("States.JsonMerge($.o, States.StringToJson($.text), false)", json!({"b": 2, "a": 1})),
            ("States.MathAdd($.n, -1)", json!(2)),
            ("States.StringSplit('1,2,,3', ',')", json!(["1", "2", "3"])),
            ("States.StringSplit('a.b+c', '.+')", json!(["a", "b", "c"])),
        ] {
            assert_eq!(call(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn chance_is_the_same_each_time_a_state_is_gone_into_again() {
        let draw = |text| call(text).unwrap();
        let uuid = draw("States.UUID()");
        assert_eq!(uuid, draw("States.UUID()"));
        let uuid = uuid.as_str().unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        let number = draw("States.MathRandom(1, 10)").as_i64().unwrap();
        assert!((1..10).contains(&number), "the end is not part of it");
        let two = draw("States.Array(States.UUID(), States.UUID())");
        assert_ne!(two[0], two[1]);
        let seeded = "States.MathRandom(1, 1000000, 7)";
        let two = draw(&format!("States.Array({seeded}, {seeded}, States.MathRandom(1, 1000000, 8))"));
        assert_eq!(two[0], two[1]);
        assert_ne!(two[0], two[2]);
    }

    #[test]
    fn wrong_arguments_are_faults() {
        for text in [
            "States.Format('{} {}', 1)",
            "States.Format('{}', 1, 2)",
            "States.Format('{}', $.list)",
            "States.Format('{')",
            "States.Format(1)",
            "States.StringToJson('{')",
            "States.ArrayPartition($.list, 0)",
            "States.ArrayRange(1, 9, 0)",
            "States.ArrayRange(1, 100000, 1)",
            "States.ArrayGetItem($.list, 4)",
            "States.ArrayGetItem($.list, -1)",
            "States.Base64Decode('%')",
            "States.Hash('abc', 'MD5')",
            "States.JsonMerge($.o, $.o, true)",
            "States.MathAdd(1.5, 1)",
            "States.MathAdd(9223372036854775807, 1)",
            "States.MathRandom(3, 3)",
            "States.MathRandom(1, 9, 'seed')",
        ] {
            assert_eq!(call(text).unwrap_err().error, "States.IntrinsicFailure", "{text}");
        }
        assert_eq!(call("States.ArrayLength($.nothing)").unwrap_err().error, "States.ParameterPathFailure");
    }
}

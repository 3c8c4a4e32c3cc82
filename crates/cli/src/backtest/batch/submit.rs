//! `tradai backtest batch submit`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{BATCHES, table};
use crate::backtest::args::AskedArgs;
use crate::context::Context;
use crate::failure::advised;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Request};

/// Submit a backtest for every combination of some values to a running platform
///
/// What is given once holds for all jobs; what is given by --each-... is combined, in at most 200 jobs. All of them are
/// taken in, or none. `tradai backtest batch show latest --sort=-profit_total` shows what came of them.
///
///   tradai backtest batch submit EmaCross --pairs BTC/USDT --each-param fast=5,9,12 --each-timeframe 1h,4h
///
/// Exit codes: 0 taken in, 2 refused, 3 no such strategy, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct SubmitArgs {
    /// Name of a strategy of the platform (see `tradai strategy list --url URL`).
    strategy: String,
    /// What to call the batch.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Timeframes, such as 1h,4h.
    #[arg(long, value_name = "TIMEFRAMES", value_delimiter = ',')]
    each_timeframe: Vec<String>,
    /// One set of pairs, such as BTC/USDT,ETH/USDT; once for each set.
    #[arg(long, value_name = "PAIRS")]
    each_pairs: Vec<String>,
    /// Values of a parameter of the strategy, such as fast=5,9,12; once for each parameter.
    #[arg(long, value_name = "NAME=VALUES")]
    each_param: Vec<String>,
    /// Values of a setting, such as stoploss=-0.05,-0.1; once for each setting.
    #[arg(long, value_name = "KEY=VALUES")]
    each_set: Vec<String>,
    #[command(flatten)]
    asked: AskedArgs,
    /// The config version to use, such as v3-0f1e2d3c; without, the active one, if one is.
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// Repeating a submission with the same key gives the same batch; made up where none is given.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &SubmitArgs, ctx: &Context) -> anyhow::Result<()> {
    let body = body(args, ctx)?;
    let platform = args.platform.platform(ctx).await?;
    let made = ctx.ids.next(ctx.clock.as_ref()).to_string();
    let key = args.idempotency_key.as_deref().unwrap_or(&made);
    let request = Request::post(BATCHES).json(&body).header("idempotency-key", key.to_owned());
    let batch = platform.backend.send(request).await.map_err(|error| {
        if !error.is_answer_lost() {
            return error.into();
        }
        let advice = format!(
            "the batch may have been taken in all the same; repeat the command with --idempotency-key {key}, and there \
             will be one batch only"
        );
        advised(error, &advice)
    })?;
    if ctx.json {
        return print_json(&batch);
    }
    let id = batch["batch_id"].as_str().unwrap_or_default();
    print(&format!("{}\nNext: tradai backtest batch show {id}", table::summary(&batch)))
}

fn body(args: &SubmitArgs, ctx: &Context) -> anyhow::Result<Value> {
    let mut backtest = Value::Object(args.asked.body()?);
    backtest["strategy"] = json!(args.strategy);
    let optional =
        [("config_id", args.config_id.clone()), ("exchange", ctx.exchange.as_ref().map(ToString::to_string))];
    for (field, value) in optional {
        if let Some(value) = value {
            backtest[field] = json!(value);
        }
    }
    let pairs: Vec<Vec<&str>> = args.each_pairs.iter().map(|set| set.split(',').collect()).collect();
    let axes = json!({
        "symbols": pairs,
        "timeframe": args.each_timeframe,
        "settings": values("--each-set", &args.each_set)?,
        "parameters": values("--each-param", &args.each_param)?,
    });
    let mut body = json!({"backtest": backtest, "axes": axes});
    if let Some(name) = &args.name {
        body["name"] = json!(name);
    }
    Ok(body)
}

/// Reads `fast=5,9,12`: numbers, true and false as such, anything else as text.
fn values<'a>(flag: &str, given: &'a [String]) -> anyhow::Result<BTreeMap<&'a str, Vec<Value>>> {
    let mut axes = BTreeMap::new();
    for text in given {
        let (name, values) = text
            .split_once('=')
            .with_context(|| format!("{flag} {text}: write NAME=VALUE,VALUE, such as fast=5,9,12"))?;
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let values: Vec<Value> = values.split(',').map(value).collect();
        anyhow::ensure!(axes.insert(name, values).is_none(), "{flag} {name}: is given twice");
    }
    Ok(axes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_what_they_are() {
        let given = ["fast=5,9".to_owned(), "mode=a,true,-0.5".to_owned()];
        let read = values("--each-param", &given).unwrap();
        assert_eq!(json!(read), json!({"fast": [5, 9], "mode": ["a", true, -0.5]}));
        assert!(values("--each-param", &["fast".to_owned()]).is_err());
        assert!(values("--each-param", &["a=1".to_owned(), "a=2".to_owned()]).is_err());
    }
}

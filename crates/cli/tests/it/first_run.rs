//! What a new user does.

use crate::program::Place;

#[test]
fn demo_then_verify_then_a_damaged_result() {
    let place = Place::new();
    let demo = place.run("demo").ok();
    assert!(demo.out.contains("SYNTHETIC") && demo.out.contains("report.html"), "{}", demo.out);
    let same = place.run("--data-dir tradai-data/demo verify latest").ok();
    assert_eq!(same.out.lines().filter(|line| line.starts_with("same")).count(), 5, "{}", same.out);

    let job = std::fs::read_dir(place.path().join("tradai-data/demo/jobs")).unwrap().next().unwrap().unwrap();
    let result = job.path().join("result.json");
    let text = std::fs::read_to_string(&result).unwrap();
    std::fs::write(&result, text.replace("\"total_trades\": ", "\"total_trades\": 9")).unwrap();
    std::fs::remove_file(job.path().join("equity.parquet")).unwrap();
    let altered = place.run("--data-dir tradai-data/demo verify latest");
    assert_eq!(altered.code, 1, "{}", altered.out);
    assert!(altered.out.contains("ALTERED    result.json: /statistics/total_trades: 9"), "{}", altered.out);
    assert!(altered.out.contains("ALTERED    equity.parquet"), "{}", altered.out);
    assert!(altered.out.contains("same       trades.parquet"), "{}", altered.out);
}

#[test]
fn a_changed_trade_is_located() {
    let place = Place::new().with_candles();
    let job = place.run("--json backtest run EmaCross --param fast=9").ok().json();
    let other = place.run("--json backtest run EmaCross --param fast=10").ok().json();
    let jobs = place.path().join("tradai-data/jobs");
    let folder = |job: &serde_json::Value| jobs.join(job["job_id"].as_str().unwrap());
    let stolen = std::fs::read(folder(&other).join("trades.parquet")).unwrap();
    std::fs::write(folder(&job).join("trades.parquet"), stolen).unwrap();
    let answer = place.run(&format!("--json verify {}", job["job_id"].as_str().unwrap()));
    assert_eq!(answer.code, 1);
    let difference = answer.json()["files"][1][1]["difference"].as_str().unwrap().to_owned();
    assert!(difference.starts_with("row ") && difference.contains(" then, "), "{difference}");
}

#[test]
fn a_strategy_of_ones_own() {
    let place = Place::new().with_candles();
    place.run("strategy new Mine --from MultiTimeframe").ok();
    place.run("strategy validate Mine/tradai.yaml").ok();
    let again = place.run("strategy new Mine");
    assert_eq!((again.code, again.err.contains("exists")), (4, true), "{}", again.err);
    let result =
        place.run("--json backtest run Mine/tradai.yaml --pairs BTC/USDT --timerange 20230110-20230220");
    let result = result.ok().json();
    assert_eq!(result["strategy"], "Mine");
    assert_eq!(result["backtest_start"], "2023-01-10 00:00:00");
    assert_eq!(result["synthetic"], true);
    let table = place.run("backtest run Mine/tradai.yaml --pairs BTC/USDT --breakdown month,weekday").ok();
    assert!(table.out.contains("Monday"), "{}", table.out);
    place.run("verify latest").ok();
    let list = place.run("--json backtest list").ok().json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let first = list[1]["job_id"].as_str().unwrap();
    let compared = place.run(&format!("backtest compare latest {first}")).ok();
    assert_eq!(compared.out.matches("SYNTHETIC").count(), 2, "{}", compared.out);
    let shown = place.run("backtest show latest --breakdown month").ok();
    assert!(shown.out.contains("Results by exit reason"), "{}", shown.out);
}

#[test]
fn a_strategies_folder_is_searched_by_name() {
    let place = Place::new().with_candles();
    place.run("strategy new Own --dir strategies/own").ok();
    assert!(place.run("strategy list").ok().out.contains("Own"));
    let result = place.run("--json backtest run Own --pairs BTC/USDT").ok().json();
    assert_eq!(result["strategy"], "Own");
}

#[test]
fn a_changed_manifest_is_noticed() {
    let place = Place::new().with_candles();
    let job = place.run("--json backtest run EmaCross").ok().json();
    let path = place.path().join(job["folder"].as_str().unwrap()).join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"config_hash\": \"", "\"config_hash\": \"0")).unwrap();
    let answer = place.run("verify latest");
    assert_eq!(answer.code, 1, "{}", answer.out);
    assert!(answer.out.contains("ALTERED    manifest.json: /config_hash"), "{}", answer.out);
}

#[test]
fn filled_holes_are_told() {
    let place = Place::new();
    let mut csv = "timestamp,open,high,low,close,volume\n".to_owned();
    for row in (0..600).filter(|row| !(300..330).contains(row)) {
        csv.push_str(&format!("{},100.5,101.5,99.5,100.5,7\n", 1_672_531_200_000_i64 + row * 300_000));
    }
    place.file("in/BTC_USDT-5m.csv", csv);
    place.run("data import in").ok();
    let answer = place.run("backtest run EmaCross").ok();
    assert!(answer.out.contains("BTC/USDT: 30 missing candles"), "{}", answer.out);
}

#[test]
fn every_bundled_strategy_trades_on_sample_candles() {
    let place = Place::new();
    place
        .run(
            "data sample --symbols BTC/USDT,ETH/USDT,BTC/USDT:USDT,ETH/USDT:USDT --timeframes 5m,15m,1h \
             --start 2023-01-01 --end 2023-05-01",
        )
        .ok();
    // Counts are this engine's own, on candles that are the same everywhere: a change of either shows.
    for strategy in
        ["EmaCross", "RsiMeanReversion", "DonchianBreakout", "FuturesLongShort", "Dca", "MultiTimeframe"]
    {
        let result = place.run(&format!("--json backtest run {strategy}")).ok().json();
        let trades = result["statistics"]["total_trades"].as_u64().unwrap();
        assert!(trades >= 10, "{strategy}: {trades} trades");
        let shorts = result["statistics"]["trade_count_short"].as_u64().unwrap();
        assert_eq!(shorts > 0, strategy == "FuturesLongShort", "{strategy}");
    }
}

#[test]
fn freqtrades_export_has_its_files() {
    let place = Place::new().with_candles();
    let job = place.run("--json backtest run EmaCross --export freqtrade").ok().json();
    let folder = place.path().join("tradai-data/jobs").join(job["job_id"].as_str().unwrap());
    let last = std::fs::read_to_string(folder.join(".last_result.json")).unwrap();
    let last: serde_json::Value = serde_json::from_str(&last).unwrap();
    let zip = folder.join(last["latest_backtest"].as_str().unwrap());
    assert!(std::fs::read(zip).unwrap().starts_with(b"PK"));
    // The export stands beside the job's own files and does not disturb them.
    place.run("verify latest").ok();
}

//! Trades and equity as Parquet.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use tradai_engine::EquityCurve;
use tradai_strategy::Trade;

/// A column and its values.
enum Column {
    Time(Vec<i64>),
    Integer(Vec<i64>),
    Float(Vec<f64>),
    Flag(Vec<bool>),
    Text(Vec<String>),
}

/// Trades in the order of closing, one row each; names are Freqtrade's.
pub(super) fn trades(trades: &[Trade]) -> Result<Vec<u8>, ParquetError> {
    let float = |of: fn(&Trade) -> f64| Column::Float(trades.iter().map(of).collect());
    let time = |of: fn(&Trade) -> i64| Column::Time(trades.iter().map(of).collect());
    let integer = |of: fn(&Trade) -> i64| Column::Integer(trades.iter().map(of).collect());
    let text = |of: fn(&Trade) -> String| Column::Text(trades.iter().map(of).collect());
    fn close(trade: &Trade) -> i64 {
        trade.close_date.unwrap_or(trade.open_date)
    }
    write(&[
        ("trade_id", integer(|t| i64::try_from(t.id).unwrap_or(i64::MAX))),
        ("pair", text(|t| t.pair.to_string())),
        ("is_short", Column::Flag(trades.iter().map(|t| t.is_short).collect())),
        ("open_date", time(|t| t.open_date)),
        ("close_date", time(close)),
        ("trade_duration", integer(|t| t.duration_minutes(close(t)))),
        ("open_rate", float(|t| t.open_rate)),
        ("close_rate", float(|t| t.close_rate.unwrap_or(f64::NAN))),
        ("amount", float(|t| t.amount)),
        ("stake_amount", float(|t| t.stake_amount)),
        ("max_stake_amount", float(|t| t.max_stake_amount)),
        ("leverage", float(|t| t.leverage)),
        ("fee_open", float(|t| t.fee_open)),
        ("fee_close", float(|t| t.fee_close)),
        ("funding_fees", float(|t| t.funding_fees)),
        ("profit_abs", float(|t| t.close_profit_abs.unwrap_or_default())),
        ("profit_ratio", float(|t| t.close_profit.unwrap_or_default())),
        ("enter_tag", text(|t| t.enter_tag.clone())),
        ("exit_reason", text(|t| t.exit_reason.clone())),
        ("stop_loss_abs", float(|t| t.stop_loss)),
        ("initial_stop_loss_abs", float(|t| t.initial_stop_loss)),
        ("min_rate", float(|t| t.min_rate)),
        ("max_rate", float(|t| t.max_rate)),
        ("orders", integer(|t| i64::try_from(t.orders.len()).unwrap_or(i64::MAX))),
    ])
}

/// Wallet per main candle: `time`, and `equity` in stake currency.
pub(crate) fn equity(curve: &EquityCurve) -> Result<Vec<u8>, ParquetError> {
    let (times, values) = curve.points().unzip();
    write(&[("time", Column::Time(times)), ("equity", Column::Float(values))])
}

fn write(columns: &[(&str, Column)]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(|(name, column)| field(name, column)).collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by(concat!("tradai ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let Some(mut out) = group.next_column()? else { break };
        match column {
            Column::Time(values) | Column::Integer(values) => {
                out.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Column::Float(values) => {
                out.typed::<DoubleType>().write_batch(values, None, None)?;
            }
            Column::Flag(values) => {
                out.typed::<BoolType>().write_batch(values, None, None)?;
            }
            Column::Text(values) => {
                let texts: Vec<ByteArray> =
                    values.iter().map(|text| ByteArray::from(text.as_str())).collect();
                out.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            }
        }
        out.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn field(name: &str, column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column {
        Column::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        Column::Integer(_) => (Physical::INT64, None),
        Column::Float(_) => (Physical::DOUBLE, None),
        Column::Flag(_) => (Physical::BOOLEAN, None),
        Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

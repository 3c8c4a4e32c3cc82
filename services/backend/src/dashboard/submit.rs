//! Submitting a backtest.

use maud::{Markup, html};
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::Timeframe;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::extract::{RawQuery, State};
use tradai_service::axum::http::StatusCode;
use tradai_service::axum::response::{IntoResponse, Redirect, Response};
use tradai_service::{Caller, RequestIds};

use super::actions::requester;
use super::catalog::{self, Catalog, Choice, Versions};
use super::coverage;
use super::failure::{Failure, require};
use super::page::{Page, Place, may};
use super::params::Params;
use super::request::{self, Faults, MONEY};
use super::state::Dashboard;

/// Parts of the page that depend on what is filled in.
const PARTS: &str = "faults-strategy faults-symbols faults-timeframe faults-start faults-end faults-exchange \
    faults-config_id faults-strategy_version hint-config_id config-ids faults-dry_run_wallet \
    faults-stake_amount faults-max_open_trades faults-settings faults-parameters faults-elsewhere strategy-hint \
    coverage";

/// Values that say themselves what is wrong with them.
const FIELDS: [&str; 13] = [
    "strategy",
    "symbols",
    "timeframe",
    "start",
    "end",
    "exchange",
    "config_id",
    "strategy_version",
    "dry_run_wallet",
    "stake_amount",
    "max_open_trades",
    "settings",
    "parameters",
];

/// A form and what is known of it.
struct Filled {
    form: Params,
    /// What makes a second click submit nothing more.
    key: String,
    faults: Faults,
    catalog: Catalog,
    versions: Versions,
    exchanges: Vec<String>,
    coverage: Markup,
    caller: Caller,
}

/// The form, empty or as a link fills it in.
pub(super) async fn new(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    RawQuery(query): RawQuery,
) -> Page {
    let form = Params::of_query(query.as_deref());
    let (request, faults) = request::read(&form);
    let faults =
        if form.is_empty() { Faults::default() } else { checked(&state, &request, faults, &ids).await };
    page(&fill(&state, &caller, form, &request, faults).await)
}

/// The form as it stands, with what is wrong in it. Nothing is submitted.
pub(super) async fn check(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    body: Bytes,
) -> Page {
    let form = Params::of_form(&body);
    let (request, faults) = request::read(&form);
    let faults = checked(&state, &request, faults, &ids).await;
    page(&fill(&state, &caller, form, &request, faults).await)
}

/// Checks a request as it is when it is sent, and adds what is wrong with it to what is known already. Others are asked
/// about what can be read only; what nobody can judge now is not wrong.
async fn checked(state: &Dashboard, request: &BacktestRequest, faults: Faults, ids: &RequestIds) -> Faults {
    let mut faults = request::check(request, faults);
    if faults.is_empty()
        && let Err(error) = state.core.backtests.check(request, Some(ids.trace_id)).await
    {
        drop(faults.take(error, request));
    }
    faults
}

/// Submits, and leads to the job; or shows the form again with what is wrong.
pub(super) async fn submit(
    State(state): State<Dashboard>,
    caller: Caller,
    ids: RequestIds,
    body: Bytes,
) -> Result<Response, Failure> {
    require(&caller, Role::Trader)?;
    let form = Params::of_form(&body);
    let (request, faults) = request::read(&form);
    let faults = request::check(&request, faults);
    let filled = fill(&state, &caller, form, &request, faults).await;
    if !filled.faults.is_empty() {
        return Ok(page(&filled).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    }
    let requester = requester(&caller, &ids, Some(&filled.key));
    match state.core.backtests.submit(&request, &requester).await {
        Ok(submitted) => Ok(Redirect::to(&format!("/jobs/{}", submitted.record.job_id)).into_response()),
        Err(error) => {
            let mut filled = filled;
            filled.faults.take(error, &request)?;
            Ok(page(&filled).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
    }
}

async fn fill(
    state: &Dashboard,
    caller: &Caller,
    form: Params,
    request: &BacktestRequest,
    mut faults: Faults,
) -> Filled {
    let (catalog, versions, exchanges) = tokio::join!(
        Catalog::read(state),
        Versions::read(state, &request.strategy),
        catalog::exchanges(state)
    );
    let other = |asked: &String| catalog.other_version(&request.strategy, asked);
    let unknown = |id: &String| versions.unknown(id);
    for (field, reason) in [
        ("strategy", catalog.unknown(&request.strategy)),
        ("strategy_version", request.strategy_version.as_ref().and_then(other)),
        ("config_id", request.config_id.as_ref().and_then(unknown)),
    ] {
        // Said already by whoever was asked about the whole request.
        if let Some(reason) = reason.filter(|_| faults.of(field).is_empty()) {
            faults.add(field, reason);
        }
    }
    let known = form.get("key").filter(|key| key.len() <= 64).map(ToOwned::to_owned);
    Filled {
        key: known.unwrap_or_else(|| state.ids.next(state.clock.as_ref()).simple().to_string()),
        coverage: coverage::of_request(state, request, catalog.timeframe(&request.strategy)).await,
        caller: caller.clone(),
        form,
        faults,
        catalog,
        versions,
        exchanges,
    }
}

fn page(filled: &Filled) -> Page {
    let content = html! {
        div.head { h1 { "New backtest" } }
        div.side {
            form.panel method="post" action="/backtests/new" data-check="/backtests/check" data-parts=(PARTS) novalidate {
                input type="hidden" name="key" value=(filled.key);
                (strategy(filled))
                div.fields { (config(filled)) (strategy_version(filled)) }
                (symbols(filled))
                div.fields {
                    (timeframe(filled))
                    (date(filled, "start", "From", "First day (UTC); empty: the first stored candle."))
                    (date(filled, "end", "Until", "The day after the last; empty: the last candle."))
                }
                (exchange(filled))
                div.fields { @for (name, label, placeholder) in MONEY { (money(filled, name, label, placeholder)) } }
                (json(filled, "settings", "More settings", "{\"stoploss\": -0.1}"))
                (json(filled, "parameters", "Parameters of the strategy", "{\"fast\": 12}"))
                div.field {
                    p #faults-elsewhere .faults aria-live="polite" { @for fault in filled.faults.elsewhere(&FIELDS) { (fault) br; } }
                }
                p.controls {
                    button.first disabled[!may(&filled.caller, Role::Trader)] { "Submit" }
                    @if !may(&filled.caller, Role::Trader) { span.quiet { "This needs the role trader." } }
                }
            }
            div #coverage .panel aria-live="polite" { (filled.coverage) }
        }
    };
    Page::new("New backtest", Place::Submit, content).to(&filled.caller)
}

fn field(filled: &Filled, name: &str, label: &str, control: &Markup, hint: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            (control)
            p.faults id={ "faults-" (name) } data-of=(name) aria-live="polite" {
                @for (index, fault) in filled.faults.of(name).iter().enumerate() { @if index > 0 { br; } (fault) }
            }
            @if !hint.is_empty() { p.hint id={ "hint-" (name) } { (hint) } }
        }
    }
}

fn invalid(filled: &Filled, name: &str) -> Option<&'static str> {
    (!filled.faults.of(name).is_empty()).then_some("true")
}

fn strategy(filled: &Filled) -> Markup {
    let chosen = filled.form.text("strategy");
    let about = filled.catalog.find(chosen).map(Choice::about).unwrap_or_default();
    let control = match &filled.catalog {
        Catalog::Known(choices) => html! {
            select #strategy name="strategy" aria-invalid=[invalid(filled, "strategy")] aria-describedby="faults-strategy strategy-hint" {
                option value="" { "Choose a strategy" }
                @for choice in choices { option value=(choice.name) selected[choice.name == chosen] { (choice.name) } }
                // A name that is not there any more stays visible beside its fault.
                @if !chosen.is_empty() && filled.catalog.find(chosen).is_none() { option value=(chosen) selected { (chosen) } }
            }
            p #strategy-hint .hint { (about) }
        },
        Catalog::Unreachable(reason) => html! {
            input #strategy name="strategy" value=(chosen) aria-invalid=[invalid(filled, "strategy")] aria-describedby="faults-strategy strategy-hint";
            p #strategy-hint .hint { "The list of strategies is not reachable (" (reason) "); write the name." }
        },
    };
    field(filled, "strategy", "Strategy", &control, "")
}

fn config(filled: &Filled) -> Markup {
    let control = html! {
        input #config_id name="config_id" value=(filled.form.text("config_id")) list="config-ids" placeholder="the active one"
            autocomplete="off" spellcheck="false" aria-invalid=[invalid(filled, "config_id")]
            aria-describedby="faults-config_id hint-config_id";
        // Apart from the field, so that it can change under somebody who writes.
        datalist #config-ids {
            @for version in filled.versions.choices() { option value=(version.id) label={ (version.id) " · " (version.about()) } {} }
        }
    };
    field(filled, "config_id", "Config version", &control, &filled.versions.hint())
}

fn strategy_version(filled: &Filled) -> Markup {
    let control = html! {
        input #strategy_version name="strategy_version" value=(filled.form.text("strategy_version"))
            placeholder="the one that is there" autocomplete="off" spellcheck="false"
            aria-invalid=[invalid(filled, "strategy_version")]
            aria-describedby="faults-strategy_version hint-strategy_version";
    };
    let hint = "The job fails where the strategy has another one.";
    field(filled, "strategy_version", "Version of the strategy", &control, hint)
}

fn symbols(filled: &Filled) -> Markup {
    let control = html! {
        input #symbols name="symbols" value=(filled.form.text("symbols")) placeholder="BTC/USDT ETH/USDT"
            autocomplete="off" spellcheck="false" aria-invalid=[invalid(filled, "symbols")]
            aria-describedby="faults-symbols hint-symbols";
    };
    let hint = "Apart by space or comma; futures as BTC/USDT:USDT. Empty: the strategy's own.";
    field(filled, "symbols", "Pairs", &control, hint)
}

fn timeframe(filled: &Filled) -> Markup {
    let chosen = filled.form.text("timeframe");
    let control = html! {
        select #timeframe name="timeframe" aria-describedby="faults-timeframe" {
            option value="" { "the strategy's" }
            @for timeframe in Timeframe::ALL { option selected[timeframe.as_str() == chosen] { (timeframe.as_str()) } }
        }
    };
    field(filled, "timeframe", "Timeframe", &control, "")
}

fn date(filled: &Filled, name: &str, label: &str, hint: &str) -> Markup {
    let control = html! {
        input id=(name) name=(name) value=(filled.form.text(name)) placeholder="2024-01-31" inputmode="numeric"
            autocomplete="off" aria-invalid=[invalid(filled, name)] aria-describedby={ "faults-" (name) " hint-" (name) };
    };
    field(filled, name, label, &control, hint)
}

fn exchange(filled: &Filled) -> Markup {
    let chosen = filled.form.text("exchange");
    let known = &filled.exchanges;
    let control = html! {
        select #exchange name="exchange" aria-describedby="faults-exchange hint-exchange" {
            option value="" { "imported candles" }
            @for key in known { option value=(key) selected[key == chosen] { "collected from " (key) } }
            @if !chosen.is_empty() && !known.iter().any(|key| key == chosen) { option value=(chosen) selected { "collected from " (chosen) } }
        }
    };
    field(
        filled,
        "exchange",
        "Candles",
        &control,
        "Collected candles are completed before the run, where the exchange has them.",
    )
}

fn money(filled: &Filled, name: &str, label: &str, placeholder: &str) -> Markup {
    let control = html! {
        input id=(name) name=(name) value=(filled.form.text(name)) placeholder=(placeholder) inputmode="decimal"
            autocomplete="off" aria-invalid=[invalid(filled, name)] aria-describedby={ "faults-" (name) };
    };
    field(filled, name, label, &control, "")
}

fn json(filled: &Filled, name: &str, label: &str, placeholder: &str) -> Markup {
    let control = html! {
        textarea id=(name) name=(name) rows="3" placeholder=(placeholder) spellcheck="false"
            aria-invalid=[invalid(filled, name)] aria-describedby={ "faults-" (name) } { (filled.form.text(name)) }
    };
    field(filled, name, label, &control, "")
}

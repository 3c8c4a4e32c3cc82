//! Calls to requests.

use std::path::Path;

use tradai_exchange::{HttpRequest, Json};

use crate::files;
use crate::input;
use crate::report::{Case, Outcome, Report};
use crate::venue::Venue;

pub(crate) fn run(venue: &Venue, path: &Path, report: &mut Report) -> Result<(), String> {
    let folder = path.join("request");
    for method in files::json_files(&folder)? {
        files::for_each_case(&folder.join(format!("{method}.json")), |json| {
            let case = Case { exchange: &venue.name, kind: "request", method: &method, json };
            let outcome = check(venue, &case, report);
            report.add(&case, outcome);
        })?;
    }
    Ok(())
}

fn check(venue: &Venue, case: &Case<'_>, report: &mut Report) -> Outcome {
    let request = input::request(case.method, case.json.get("input"));
    let built = request.and_then(|request| venue.adapter.build_request(&request, &venue.context()));
    if let Some(wanted) = case.json.get("expect_error").as_str() {
        return match built {
            Err(error) if error.class.name() == wanted => Ok(()),
            Err(error) => Err(format!("expected {wanted}, got {error}")),
            Ok(built) => Err(format!("expected {wanted}, got {built:?}")),
        };
    }
    let built = built.map_err(|error| format!("refused: {error}"))?;
    let expect = case.json.get("expect");
    compare(case, expect, &built)?;
    let exact = expect.get("raw_url").as_str() == Some(&built.url)
        && expect.get("raw_body").as_str() == built.body.as_deref();
    report.request(exact);
    Ok(())
}

fn compare(case: &Case<'_>, expect: &Json<'_>, built: &HttpRequest) -> Outcome {
    let text = |name: &str| expect.get(name).as_str().unwrap_or_default();
    let (address, query) = built.url.split_once('?').unwrap_or((&built.url, ""));
    let wanted = format!("{}{}", text("base"), text("path"));
    if address != wanted || built.endpoint.method.as_str() != text("http_method") {
        let method = built.endpoint.method.as_str();
        return Err(format!("expected {} {wanted}, got {method} {address}", text("http_method")));
    }
    let skip = |name: &str| {
        let listed = |list: &str| case.json.get(list).items().iter().any(|item| item.as_str() == Some(name));
        listed("skip_keys") || listed("passthrough_keys")
    };
    same_pairs("query", expect.get("query"), &pairs(query), &skip)?;
    let body = built.body.as_deref().unwrap_or_default();
    match text("body_kind") {
        "form" => same_pairs("body", expect.get("body"), &pairs(body), &skip)?,
        "json" => {
            same_json(expect.get("body"), &Json::parse(body.as_bytes()).unwrap_or(Json::Null), "body", &skip)?
        }
        _ if body.is_empty() => {}
        _ => return Err("expected no body".to_owned()),
    }
    let headers: Vec<_> =
        built.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let skip_header = |name: &str| {
        let signed =
            ["OK-ACCESS-SIGN", "X-BAPI-SIGN"].contains(&name) && !case.json.get("passthrough_keys").is_null();
        signed || case.json.get("skip_headers").items().iter().any(|item| item.as_str() == Some(name))
    };
    same_pairs("headers", expect.get("headers"), &headers, &skip_header)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let split = text.split('&').filter(|pair| !pair.is_empty());
    split
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (decode(n), decode(v)))
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
                _ => bytes.push(b'%'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn same_pairs(
    what: &str,
    wanted: &Json<'_>,
    got: &[(String, String)],
    skip: &dyn Fn(&str) -> bool,
) -> Outcome {
    for (name, value) in wanted.members().iter().filter(|(name, _)| !skip(name)) {
        let value = value.to_text().unwrap_or_else(|| value.to_string());
        let ours = got.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if ours.is_none_or(|ours| !same_text(&value, ours)) {
            return Err(format!("{what}.{name}: expected {value}, got {ours:?}"));
        }
    }
    match got.iter().find(|(name, _)| !skip(name) && !wanted.has(name)) {
        Some((name, value)) => Err(format!("{what}.{name}: expected nothing, got {value}")),
        None => Ok(()),
    }
}

fn same_text(wanted: &str, ours: &str) -> bool {
    let json = |text: &str| {
        let structured = text.starts_with(['[', '{']);
        structured.then(|| Json::parse(text.as_bytes()).map(|json| json.to_string()).ok()).flatten()
    };
    wanted == ours || json(wanted).is_some_and(|wanted| json(ours) == Some(wanted))
}

fn same_json(wanted: &Json<'_>, ours: &Json<'_>, path: &str, skip: &dyn Fn(&str) -> bool) -> Outcome {
    match (wanted, ours) {
        (Json::Map(members), Json::Map(own)) => {
            for (name, value) in members.iter().filter(|(name, _)| !skip(name)) {
                same_json(value, ours.get(name), &format!("{path}.{name}"), skip)?;
            }
            match own.iter().find(|(name, _)| !skip(name) && !wanted.has(name)) {
                Some((name, value)) => Err(format!("{path}.{name}: expected nothing, got {value}")),
                None => Ok(()),
            }
        }
        (Json::List(items), Json::List(own)) if items.len() == own.len() => {
            let mut both = items.iter().zip(own).enumerate();
            both.try_for_each(|(index, (wanted, ours))| {
                same_json(wanted, ours, &format!("{path}[{index}]"), skip)
            })
        }
        _ if wanted == ours => Ok(()),
        _ => Err(format!("{path}: expected {wanted}, got {ours}")),
    }
}

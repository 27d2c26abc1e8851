//! The rules of a TIDES table, read from its published schema.

use std::collections::BTreeSet;
use std::path::Path;

use model::{ServiceDate, Timestamp};
use serde_json::Value;

use super::table;

/// Checks a file against its schema: columns and their order, what must be there, types,
/// words, limits, and the key. `false` where the schemas are not at hand.
pub fn check(name: &str, csv: &str) -> bool {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/open-data/tides"));
    let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.schema.json"))) else {
        return false;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    let columns: Vec<&str> = fields.iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert_eq!(csv.lines().next().unwrap(), columns.join(","), "{name}");

    let rows = table(csv);
    for (number, row) in (2..).zip(&rows) {
        for field in fields {
            let column = field["name"].as_str().unwrap();
            if let Err(wrong) = value(field, &row[column]) {
                panic!("{name}, line {number}, {column} = {:?}: {wrong}", row[column]);
            }
        }
    }
    for field in fields.iter().filter(|field| field["constraints"]["unique"] == true) {
        key(name, &rows, &[field["name"].as_str().unwrap()]);
    }
    match &schema["primaryKey"] {
        Value::String(column) => key(name, &rows, &[column]),
        Value::Array(columns) => key(name, &rows, &columns.iter().map(|c| c.as_str().unwrap()).collect::<Vec<_>>()),
        _ => panic!("{name} has no key"),
    }
    true
}

fn key(name: &str, rows: &super::Table, columns: &[&str]) {
    let mut seen = BTreeSet::new();
    for row in rows {
        let key: Vec<&str> = columns.iter().map(|column| row[*column].as_str()).collect();
        assert!(seen.insert(key.clone()), "{name}: {columns:?} = {key:?} is there twice");
    }
}

fn value(field: &Value, text: &str) -> Result<(), String> {
    let constraints = &field["constraints"];
    if text.is_empty() {
        return if constraints["required"] == true { Err("must not be empty".to_owned()) } else { Ok(()) };
    }
    let number = match field["type"].as_str().unwrap() {
        "string" => None,
        "integer" => Some(text.parse::<i64>().map_err(|e| e.to_string())? as f64),
        "number" => Some(text.parse::<f64>().map_err(|e| e.to_string())?),
        "boolean" => return ["true", "false"].contains(&text).then_some(()).ok_or("no boolean".to_owned()),
        "date" => return ServiceDate::parse(text).map(|_| ()).ok_or("no date".to_owned()),
        "datetime" if text.ends_with('Z') => return Timestamp::parse(text).map(|_| ()).ok_or("no instant".to_owned()),
        other => return Err(format!("no {other}")),
    };
    if let Some(words) = constraints["enum"].as_array()
        && !words.iter().any(|word| word.as_str().map_or(word.to_string(), str::to_owned) == text)
    {
        return Err("not one of the words allowed".to_owned());
    }
    let limit = |name: &str| constraints[name].as_f64();
    match number {
        Some(number) if limit("minimum").is_some_and(|low| number < low) => Err("too small".to_owned()),
        Some(number) if limit("maximum").is_some_and(|high| number > high) => Err("too large".to_owned()),
        _ => Ok(()),
    }
}

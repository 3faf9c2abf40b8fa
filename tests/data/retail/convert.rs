//! Turns days of Online Retail into change files; `README.md` beside this file says by which rules.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A row of the published table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    invoice_no: String,
    stock_code: String,
    description: String,
    quantity: i64,
    invoice_date: String,
    unit_price: String,
    #[serde(rename = "CustomerID")]
    customer: String,
    country: String,
}

/// A change record as the `s3` dialect reads it.
#[derive(Debug, Serialize)]
struct Record<'a> {
    mutation_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    insert_id: String,
    time: &'a str,
    #[serde(flatten)]
    payload: Option<Payload<'a>>,
}

#[derive(Debug, Serialize)]
struct Payload<'a> {
    event_type: &'a str,
    country: &'a str,
    event_properties: Properties<'a>,
}

#[derive(Debug, Serialize)]
struct Properties<'a> {
    description: &'a str,
    quantity: i64,
    unit_price: &'a serde_json::value::RawValue,
}

/// Order lines that a cancellation may name, latest last, by customer, stock code and price.
type Orders = HashMap<(String, String, String), Vec<Line>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [days, out] = arguments.as_slice() else {
        return Err("usage: retail DAYS OUT".into());
    };
    fs::create_dir_all(out)?;
    let mut files: Vec<PathBuf> = fs::read_dir(days)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let mut orders = Orders::new();
    for day in files {
        let target = out.join(day.file_stem().unwrap_or_default()).with_extension("json");
        let records = convert(&day, &target, &mut orders)?;
        println!("{} change records in {}", records, target.display());
    }
    Ok(())
}

fn convert(day: &Path, target: &Path, orders: &mut Orders) -> Result<usize, Box<dyn Error>> {
    let mut out = BufWriter::new(fs::File::create(target)?);
    let mut records = 0;
    for line in csv::Reader::from_path(day)?.deserialize() {
        let mut line: Line = line?;
        line.customer.truncate(line.customer.trim_end_matches(".0").len());
        write(&line, orders, &mut out)?;
        records += 1;
    }
    out.flush()?;
    Ok(records)
}

fn write(line: &Line, orders: &mut Orders, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let key = (line.customer.clone(), line.stock_code.clone(), line.unit_price.clone());
    if !line.invoice_no.starts_with('C') {
        orders.entry(key).or_default().push(line.clone());
        return record("INSERT", "Order Line", line, out);
    }
    let open = orders.entry(key).or_default();
    // An anonymous order line is not mirrored, so nothing can be cancelled of it.
    let cancelled = open.iter().rposition(|order| order.quantity >= -line.quantity && !line.customer.is_empty());
    let Some(cancelled) = cancelled else { return record("INSERT", "Order Cancelled", line, out) };
    let order = &mut open[cancelled];
    order.quantity += line.quantity;
    if order.quantity > 0 {
        return record("UPDATE", "Order Line", order, out);
    }
    let order = open.remove(cancelled);
    record("DELETE", "Order Line", &order, out)
}

fn record(mutation_type: &str, event_type: &str, line: &Line, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let unit_price = serde_json::from_str(&line.unit_price)?;
    let properties = Properties { description: &line.description, quantity: line.quantity, unit_price };
    let payload = Payload { event_type, country: &line.country, event_properties: properties };
    let record = Record {
        mutation_type,
        user_id: Some(line.customer.as_str()).filter(|customer| !customer.is_empty()),
        insert_id: format!("{}/{}", line.invoice_no, line.stock_code),
        time: &line.invoice_date,
        payload: (mutation_type != "DELETE").then_some(payload),
    };
    serde_json::to_writer(&mut *out, &record)?;
    Ok(writeln!(out)?)
}

//! Single files of a web server, which is as simple as such servers are.

use super::*;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A request, as far as these servers look at it.
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// First byte, and the one behind the last where it is told.
    pub(super) range: Option<(usize, Option<usize>)>,
    pub(super) if_match: Option<String>,
}

/// Status line and headers, and the body.
pub(super) type Answer = (String, Vec<u8>);

/// Answers requests until the process ends.
pub(super) fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that goes away is no fault.
            std::thread::spawn(move || reply(stream, &*answer));
        }
    });
    address
}

fn reply(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Answer) -> std::io::Result<()> {
    let request = read_request(&stream)?;
    let (head, body) = answer(&request);
    let head = format!("HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    if request.method == "HEAD" { Ok(()) } else { stream.write_all(&body) }
}

fn read_request(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request { method, target, range: None, if_match: None };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let (first, last) = value.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                request.range = Some((first.parse().unwrap(), last.parse::<usize>().ok().map(|last| last + 1)));
            }
            "if-match" => request.if_match = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(request)
}

/// A content, or the part of it that is asked for.
pub(super) fn content(request: &Request, content: &[u8], headers: &str) -> Answer {
    match request.range {
        Some((start, end)) => {
            let end = end.map_or(content.len(), |end| end.min(content.len()));
            let range = format!("Content-Range: bytes {start}-{}/{}", end - 1, content.len());
            (format!("206 Partial Content\r\n{range}\r\n{headers}"), content[start..end].to_vec())
        }
        None => (format!("200 OK\r\n{headers}"), content.to_vec()),
    }
}

/// Serves one content under every path, to those who know the secret.
fn serve_file(file: Vec<u8>, knows_ranges: bool) -> SocketAddr {
    serve(move |request| {
        if request.target.contains("/absent") || !request.target.contains("sig=secret") {
            return ("404 Not Found\r\n".to_owned(), Vec::new());
        }
        let whole = Request { method: String::new(), target: String::new(), range: None, if_match: None };
        let request = if knows_ranges { request } else { &whole };
        content(request, &file, "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n")
    })
}

#[test]
fn a_file_of_a_web_server_is_an_input() {
    let case = Case::new();
    let file = rows("ann", 0, 60_000);
    for (store, knows_ranges) in [("mirror", true), ("whole", false)] {
        let url = format!("http://{}/day%201.json?sig=secret", serve_file(file.clone(), knows_ranges));
        let report = case.run(&["apply", store, "--json", &url]).json();
        assert_eq!(
            (&report["batches"][0]["position"], &report["totals"]["inserted"]),
            (&json!("day 1.json"), &json!(60_000))
        );
        let again = case.run(&["apply", store, "--json", &url]).json();
        assert_eq!(again["totals"]["already_applied"], 1);
    }
}

#[test]
fn the_query_of_a_url_is_not_shown() {
    let case = Case::new();
    let address = serve_file(rows("ann", 0, 10), true);
    for url in [format!("http://{address}/absent.json?sig=secret"), format!("http://{address}/a.json?sig=other&x=1")] {
        let ended = case.run(&["apply", "mirror", &url]);
        assert_eq!(ended.code, Some(3), "{}", ended.err);
        assert!(ended.err.contains(&format!("http://{address}/a")) && !ended.err.contains("sig="), "{}", ended.err);
    }
    let url = "http://127.0.0.1:9/a.json?sig=secret";
    let ended = case.run(&["apply", "mirror", url, "--retry-for", "0"]);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("127.0.0.1:9") && !ended.err.contains("secret"), "{}", ended.err);
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_of_a_web_server_is_read_in_parts_or_refused() {
    let case = Case::new();
    let file = parquet(20_000, 3_000);
    let url = |knows_ranges| format!("http://{}/p.parquet?sig=secret", serve_file(file.clone(), knows_ranges));
    let report = case.run(&["apply", "mirror", "--json", &url(true), "--dialect", "backfill"]).json();
    assert_eq!(report["totals"]["inserted"], 20_000);
    let ended = case.run(&["apply", "other", &url(false), "--dialect", "backfill"]);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("copy it first"), "{}", ended.err);
}

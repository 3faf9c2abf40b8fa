//! Single files of a web server, which is as simple as such servers are.

use super::*;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Serves one content under every path until the process ends.
fn serve(content: Vec<u8>, knows_ranges: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let content = Arc::new(content);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let content = content.clone();
            // A client that goes away is no fault.
            std::thread::spawn(move || answer(stream, &content, knows_ranges));
        }
    });
    address
}

fn answer(mut stream: TcpStream, content: &[u8], knows_ranges: bool) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        range = line
            .strip_prefix("range: bytes=")
            .and_then(|range| range.split_once('-'))
            .map(|(first, last)| {
                (first.parse::<usize>().unwrap(), last.parse::<usize>().map_or(content.len(), |last| last + 1))
            })
            .or(range);
    }
    if request.contains("/absent") || !request.contains("sig=secret") {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let (status, (start, end)) = match range.filter(|_| knows_ranges) {
        Some(range) => (
            format!("206 Partial Content\r\nContent-Range: bytes {}-{}/{}", range.0, range.1 - 1, content.len()),
            range,
        ),
        None => ("200 OK".to_owned(), (0, content.len())),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nConnection: close\r\n\r\n",
        end - start
    );
    stream.write_all(head.as_bytes())?;
    if request.starts_with("HEAD") { Ok(()) } else { stream.write_all(&content[start..end]) }
}

#[test]
fn a_file_of_a_web_server_is_an_input() {
    let case = Case::new();
    let content = rows("ann", 0, 60_000);
    for (store, knows_ranges) in [("mirror", true), ("whole", false)] {
        let url = format!("http://{}/day%201.json?sig=secret", serve(content.clone(), knows_ranges));
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
    let address = serve(rows("ann", 0, 10), true);
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
    let content = parquet(20_000, 3_000);
    let url = |knows_ranges| format!("http://{}/p.parquet?sig=secret", serve(content.clone(), knows_ranges));
    let report = case.run(&["apply", "mirror", "--json", &url(true), "--dialect", "backfill"]).json();
    assert_eq!(report["totals"]["inserted"], 20_000);
    let ended = case.run(&["apply", "other", &url(false), "--dialect", "backfill"]);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("copy it first"), "{}", ended.err);
}

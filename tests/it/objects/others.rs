//! The other stores: that their URLs and settings reach them, and that what they tell differently is understood.

use super::web::{content, serve};
use super::*;
use std::collections::BTreeMap;

/// Runs with settings of its own.
fn apply(case: &Case, url: &str, settings: &[(&str, &str)]) -> Value {
    let mut command = case.command(&["apply", "mirror", "--json", url, "--retry-for", "1s"]);
    command.envs(settings.iter().copied());
    Ended::of(Command::from_std(command).output().unwrap()).json()
}

#[test]
fn objects_of_google_are_inputs() {
    let case = Case { server: Server::start_open(), ..Case::new() };
    case.put("in/a.json", &rows("ann", 0, 60_000), DAY);
    case.put("in/b/c.json.gz", &gzip(&rows("bob", 0, 10)), DAY);
    let base = format!("http://{}", case.server.address());
    let settings =
        [("GOOGLE_BASE_URL", base.as_str()), ("GOOGLE_SKIP_SIGNATURE", "yes"), ("GOOGLE_ALLOW_HTTP", "true")];
    assert_eq!(apply(&case, "gs://bucket/in/", &settings)["totals"]["inserted"], 60_010);
    case.equals_local("in", &[]);
    assert_eq!(apply(&case, "gs://bucket/in/", &settings)["totals"]["already_applied"], 2);
}

/// A container of Azure: lists and gives its blobs, and tells their tags without quotes when it lists them.
fn container(blobs: BTreeMap<&'static str, Vec<u8>>) -> std::net::SocketAddr {
    const MODIFIED: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
    let tag = |blob: &[u8]| blake3::hash(blob).to_hex()[..16].to_owned();
    serve(move |request| {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if query.contains("comp=list") {
            let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
            let prefix = prefix.replace("%2F", "/");
            let blobs = blobs.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(name, blob)| {
                format!(
                    "<Blob><Name>{name}</Name><Properties><Last-Modified>{MODIFIED}</Last-Modified><Etag>0x{}</Etag>\
                     <Content-Length>{}</Content-Length><Content-Type>text/plain</Content-Type></Properties></Blob>",
                    tag(blob),
                    blob.len()
                )
            });
            let list = format!(
                "<?xml version=\"1.0\"?><EnumerationResults><Blobs>{}</Blobs><NextMarker/></EnumerationResults>",
                blobs.collect::<String>()
            );
            return ("200 OK\r\n".to_owned(), list.into_bytes());
        }
        match path.strip_prefix("/container/").and_then(|name| blobs.get(name)) {
            Some(blob) => {
                let tag = format!("\"0x{}\"", tag(blob));
                match &request.if_match {
                    Some(wanted) if *wanted != tag => ("412 Precondition Failed\r\n".to_owned(), Vec::new()),
                    _ => content(request, blob, &format!("Last-Modified: {MODIFIED}\r\nETag: {tag}\r\n")),
                }
            }
            None => ("404 Not Found\r\n".to_owned(), Vec::new()),
        }
    })
}

#[test]
fn objects_of_azure_are_inputs() {
    let case = Case::new();
    let blobs =
        [("in/a.json", rows("ann", 0, 60_000)), ("in/b/c.json.gz", gzip(&rows("bob", 0, 10))), ("x", Vec::new())];
    let endpoint = format!("http://{}", container(blobs.into()));
    let settings = [
        ("AZURE_STORAGE_ENDPOINT", endpoint.as_str()),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_SKIP_SIGNATURE", "true"),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    assert_eq!(apply(&case, "az://container/in/", &settings)["totals"]["inserted"], 60_010);
    assert_eq!(apply(&case, "abfss://container/in/a.json", &settings)["batches"][0]["position"], "a.json");
    assert_eq!(apply(&case, "az://container/in/", &settings)["totals"]["already_applied"], 2);
}

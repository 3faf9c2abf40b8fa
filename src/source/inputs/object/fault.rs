//! Errors of object stores as errors of eventmirror: which URL, which setting may be missing, what to do. Never a secret.

use super::location::{Location, Service};
use crate::error::{Error, ErrorKind};
use crate::source::inputs::{changed, shown};

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Connect,
    List,
    Read,
}

/// The error for what a store said about `url`.
pub(super) fn error(error: object_store::Error, location: &Location, url: &str, doing: Doing) -> Error {
    use object_store::Error as E;
    let text = why(&error);
    let service = location.service;
    let mut advice = advice(service, &text).map(str::to_owned);
    let (kind, message) = match &error {
        E::Precondition { .. } => return changed().at(url),
        _ if text.contains("NoSuchBucket") || text.contains("ContainerNotFound") => {
            (ErrorKind::InvalidInput, "there is no such bucket".to_owned())
        }
        E::NotFound { .. } => (ErrorKind::InvalidInput, "there is no such object".to_owned()),
        _ if is_denied(&error, &text) => {
            advice.get_or_insert_with(|| {
                format!("check that the keys in {} are right and may list and read it", keys(service))
            });
            (ErrorKind::Io, format!("{} refuses access", service.name()))
        }
        E::InvalidPath { .. } => {
            advice = Some("rename the object; names with empty parts cannot be read".to_owned());
            (ErrorKind::InvalidInput, "an object has a name that cannot be read".to_owned())
        }
        _ if doing == Doing::Connect => {
            advice.get_or_insert_with(|| format!("set {}", keys(service)));
            (ErrorKind::Io, format!("{} cannot be opened with the settings of the environment", service.name()))
        }
        _ if doing == Doing::List => (ErrorKind::Io, format!("{} cannot be listed", service.name())),
        _ => (ErrorKind::Io, "the object cannot be read".to_owned()),
    };
    let error = Error::new(kind, message).at(url).because(text);
    match advice {
        Some(advice) => error.advice(advice),
        None => error.advice("try again; --retry-for says for how long a request that fails is repeated"),
    }
}

/// A listing that is refused is an error like any other for the library.
fn is_denied(error: &object_store::Error, text: &str) -> bool {
    use object_store::Error as E;
    matches!(error, E::Unauthenticated { .. } | E::PermissionDenied { .. })
        || ["401 Unauthorized", "403 Forbidden"].iter().any(|status| text.contains(status))
}

/// Whether a server answered with the whole file where a part was asked for.
pub(super) fn is_whole_only(error: &object_store::Error) -> bool {
    let is_unsupported = matches!(error, object_store::Error::NotSupported { .. });
    is_unsupported || error.to_string().contains("non-partial response")
}

fn keys(service: Service) -> &'static str {
    match service {
        Service::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where there is one, AWS_SESSION_TOKEN",
        Service::Google => "GOOGLE_SERVICE_ACCOUNT (a file) or GOOGLE_APPLICATION_CREDENTIALS",
        Service::Azure => {
            "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or a client id with its secret, or a SAS key)"
        }
        Service::Web => "the URL",
    }
}

/// What to do, where the words of the error tell.
fn advice(service: Service, text: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    Some(match service {
        Service::S3 if has(&["incorrectly configured region", "PermanentRedirect", "AuthorizationHeaderMalformed"]) => {
            "set AWS_REGION to the region of the bucket"
        }
        Service::S3 if has(&["URL scheme is not allowed"]) => {
            "to use a plain http:// endpoint, set AWS_ALLOW_HTTP=true"
        }
        Service::Azure if has(&["URL scheme is not allowed"]) => {
            "to use a plain http:// endpoint, set AZURE_ALLOW_HTTP=true"
        }
        Service::S3 if has(&["SignatureDoesNotMatch"]) => {
            "check AWS_SECRET_ACCESS_KEY: it is not the one of AWS_ACCESS_KEY_ID"
        }
        Service::S3 if has(&["InvalidAccessKeyId"]) => "check AWS_ACCESS_KEY_ID: the store does not know it",
        Service::S3 if has(&["ExpiredToken"]) => "the session has ended: get new keys",
        Service::S3 if has(&["instance metadata", "169.254.169.254", "/latest/"]) => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_SKIP_SIGNATURE=true for a public bucket): \
             there are none, and this machine has no role"
        }
        Service::S3 if has(&["error sending request", "dns error", "onnect"]) => {
            "check the network, and AWS_ENDPOINT_URL where the store is not Amazon's"
        }
        Service::Azure if has(&["Account must be specified", "Missing account"]) => {
            "set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://container@account.dfs.core.windows.net/…"
        }
        Service::Web if has(&["non-partial", "Range request not supported"]) => {
            "the server sends whole files only, and this one is read in parts: copy it first and give its path"
        }
        Service::Web if has(&["Content-Length", "ContentLength"]) => {
            "the server does not tell the file's size: copy it first and give its path"
        }
        _ => return None,
    })
}

/// The store's own words on one line, down to the first cause: without what they repeat, and without what may be a secret.
fn why(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    let text = without_markup(&text);
    let words: Vec<String> = text.split_whitespace().map(without_secrets).collect();
    words.join(" ")
}

/// Code and message of an error that came as XML.
fn without_markup(text: &str) -> String {
    let Some(start) = text.find("<?xml").or_else(|| text.find("<Error>")) else { return text.to_owned() };
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.trim())
    };
    let parts: Vec<&str> = [element("Code"), element("Message")].into_iter().flatten().collect();
    format!("{}{}", &text[..start], parts.join(": "))
}

/// A word, which may hold a URL, without the URL's query and user.
fn without_secrets(word: &str) -> String {
    let Some(at) = word.find("://") else { return word.to_owned() };
    let start = word[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
    let end = word[at..].find([')', '"', '>', '\'']).map_or(word.len(), |length| at + length);
    match (word.get(..start), word.get(start..end), word.get(end..)) {
        (Some(before), Some(url), Some(after)) => format!("{before}{}{after}", shown(url)),
        // A letter of several bytes stands before the scheme: no URL of the libraries looks so.
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(
        input: &str,
        inner: &str,
        make: fn(Box<dyn std::error::Error + Send + Sync>) -> object_store::Error,
    ) -> Error {
        let location = Location::parse(input).unwrap();
        error(make(inner.into()), &location, &location.url(), Doing::Read)
    }

    fn denied(source: Box<dyn std::error::Error + Send + Sync>) -> object_store::Error {
        object_store::Error::PermissionDenied { path: "a".to_owned(), source }
    }

    fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source }
    }

    #[test]
    fn an_error_names_the_url_and_the_setting() {
        for (input, inner, wanted) in [
            ("s3://b/a", "403 <?xml?><Error><Code>InvalidAccessKeyId</Code></Error>", "AWS_ACCESS_KEY_ID"),
            ("s3://b/a", "<Error><Code>SignatureDoesNotMatch</Code></Error>", "AWS_SECRET_ACCESS_KEY"),
            ("s3://b/a", "this normally indicates an incorrectly configured region", "AWS_REGION"),
            ("s3://b/a", "builder error for url: URL scheme is not allowed", "AWS_ALLOW_HTTP"),
            ("gs://b/a", "403", "GOOGLE_SERVICE_ACCOUNT"),
            ("az://b/a", "Account must be specified", "AZURE_STORAGE_ACCOUNT_NAME"),
        ] {
            let error = of(input, inner, denied).to_string();
            assert!(error.contains(input) && error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn an_error_shows_the_words_of_the_store_and_no_secret() {
        let xml = "status 403: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\n<Message>No  way</Message><HostId>x</HostId></Error>";
        let error = of("s3://b/a", xml, denied).to_string();
        assert!(error.contains("AccessDenied: No way") && !error.contains("HostId"), "{error}");
        let inner = "error sending request for url (https://ann:pw@host/a.csv?X-Amz-Signature=abc): timed out";
        let error = of("https://ann:pw@host/a.csv?X-Amz-Signature=abc", inner, generic).to_string();
        assert!(error.contains("(https://…@host/a.csv?…)") && error.contains("timed out"), "{error}");
        assert!(!error.contains("abc") && !error.contains("pw"), "{error}");
    }
}

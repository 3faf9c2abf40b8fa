//! The bytes of an object: read ahead in parts, and gone on with where a connection breaks.
//!
//! ```text
//! object   |  part  |  part  |  part  |  part  | …
//!            read     on the way, some at once    not asked for yet: memory stays bounded
//! ```
//!
//! Each request asks for the content that the listing told (`If-Match`), and what comes is compared with that, so that
//! an object that is overwritten while it is read is noticed.

use super::fault::{self, Doing};
use super::location::Service;
use super::{Object, runtime};
use crate::error::{Error, Result};
use bytes::{Buf, Bytes, BytesMut};
use futures::executor::block_on;
use futures::future::select;
use futures::{StreamExt, stream};
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta};
use std::io::Read;
use std::ops::Range;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Bytes of a request: enough that its round trip costs little.
const PART: u64 = 4 << 20;
/// Requests under way at once.
const AT_ONCE: usize = 3;
/// Between two attempts to go on with a broken transfer.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a range, in their order. Dropped, it stops reading.
pub(in crate::source) struct Stream {
    parts: mpsc::Receiver<Result<Bytes>>,
    part: Bytes,
    /// Bytes of the range that did not come yet.
    left: u64,
}

impl Stream {
    pub(super) fn begin(object: Object, range: Range<u64>) -> Self {
        let left = range.end.saturating_sub(range.start);
        let (sender, parts) = mpsc::channel(1);
        if left > 0 {
            let runtime = object.connection.runtime.clone();
            let taker = sender.clone();
            // A request that nobody waits for any more is given up, also while it is tried again.
            runtime.spawn(async move {
                select(pin!(object.send(range, sender)), pin!(taker.closed())).await;
            });
        }
        Stream { parts, part: Bytes::new(), left }
    }

    fn next_part(&mut self) -> Result<()> {
        match block_on(self.parts.recv()) {
            Some(part) => self.part = part?,
            None => return Err(runtime::gone()),
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        while self.part.is_empty() {
            self.next_part().map_err(std::io::Error::other)?;
        }
        let count = buffer.len().min(self.part.len());
        self.part.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Object {
    /// Sends the bytes of a range until nobody takes them.
    async fn send(&self, range: Range<u64>, sender: mpsc::Sender<Result<Bytes>>) {
        let starts = (range.start..range.end).step_by(PART as usize);
        let requests = starts.map(|start| self.part(start..range.end.min(start.saturating_add(PART))));
        let mut parts = stream::iter(requests).buffered(AT_ONCE);
        let mut is_first = range == (0..self.size);
        while let Some(part) = parts.next().await {
            match part {
                // Some web servers send whole files only.
                Err(error) if is_first && self.is_web() && fault::is_whole_only(&error) => {
                    drop(parts);
                    return self.send_whole(sender).await;
                }
                part => {
                    let failed = part.is_err();
                    let sent = sender.send(part.map_err(|error| self.fault(error))).await;
                    if failed || sent.is_err() {
                        return;
                    }
                    is_first = false;
                }
            }
        }
    }

    /// The bytes of a range, however often the connection breaks on the way.
    async fn part(&self, range: Range<u64>) -> object_store::Result<Bytes> {
        let length = range.end.saturating_sub(range.start) as usize;
        let mut bytes = BytesMut::with_capacity(length);
        let mut progress = (Instant::now(), 0);
        while bytes.len() < length {
            let rest = range.start + bytes.len() as u64..range.end;
            let mut body = self.get(Some(GetRange::Bounded(rest))).await?.into_stream();
            let broken = loop {
                match body.next().await {
                    Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            if bytes.len() > progress.1 {
                progress = (Instant::now(), bytes.len());
            }
            if bytes.len() < length {
                match broken {
                    Some(error) if progress.0.elapsed() >= self.connection.retry_for => return Err(error),
                    _ if progress.0.elapsed() >= self.connection.retry_for => return Err(self.cut_short()),
                    _ => tokio::time::sleep(PAUSE).await,
                }
            }
        }
        bytes.truncate(length);
        Ok(bytes.freeze())
    }

    /// Sends a file that comes whole only. A connection that breaks cannot be gone on with.
    async fn send_whole(&self, sender: mpsc::Sender<Result<Bytes>>) {
        let mut body = match self.get(None).await {
            Ok(result) => result.into_stream(),
            Err(error) => return drop(sender.send(Err(self.fault(error))).await),
        };
        let mut left = self.size;
        while let Some(chunk) = body.next().await {
            left = left.saturating_sub(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
            if sender.send(chunk.map_err(|error| self.fault(error))).await.is_err() {
                return;
            }
        }
        if left > 0 {
            drop(sender.send(Err(self.fault(self.cut_short()))).await);
        }
    }

    async fn get(&self, range: Option<GetRange>) -> object_store::Result<GetResult> {
        let options = GetOptions { range, if_match: self.condition(), ..GetOptions::default() };
        let result = self.connection.store.get_opts(&self.path, options).await?;
        match self.is_same(&result.meta) {
            true => Ok(result),
            false => {
                let (path, source) = (self.path.to_string(), "its size, time or tag is another one".into());
                Err(object_store::Error::Precondition { path, source })
            }
        }
    }

    /// What `If-Match` asks for. Azure lists its tags without quotes; weak tags match nothing.
    fn condition(&self) -> Option<String> {
        match self.etag.as_deref()? {
            etag if etag.starts_with("W/") => None,
            etag if etag.starts_with('"') => Some(etag.to_owned()),
            etag => Some(format!("\"{etag}\"")),
        }
    }

    fn is_same(&self, meta: &ObjectMeta) -> bool {
        let same_tag = match (&self.etag, &meta.e_tag) {
            (Some(own), Some(other)) => own.trim_matches('"') == other.trim_matches('"'),
            _ => self.modified == super::listing::modified(meta),
        };
        self.size == meta.size && same_tag
    }

    fn is_web(&self) -> bool {
        self.connection.location.service == Service::Web
    }

    fn cut_short(&self) -> object_store::Error {
        object_store::Error::Generic { store: "transfer", source: "the connection ended before the last byte".into() }
    }

    pub(super) fn fault(&self, error: object_store::Error) -> Error {
        fault::error(error, &self.connection.location, &self.url(), Doing::Read)
    }
}

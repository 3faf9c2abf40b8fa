//! A server that speaks S3, on this machine: the protocol, its errors and its signatures are those of a crate, the
//! objects are in memory, and it can be slow, break connections, and be killed and started again.

use futures::StreamExt;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

const BUCKET: &str = "bucket";
const KEY: &str = "AKTEST";
pub const SECRET: &str = "not-to-be-printed";
/// Bytes that a body is sent in.
const CHUNK: usize = 32 << 10;

type Body = Arc<[u8]>;

struct Stored {
    bytes: Body,
    modified: SystemTime,
    tag: String,
}

/// What goes wrong.
#[derive(Default)]
pub struct Faults {
    /// Before each chunk of a body.
    pub pause: Duration,
    /// So many bodies more are cut off, each after so many bytes.
    pub cuts: u64,
    pub cut_after: usize,
}

/// What the server has and has done.
#[derive(Default)]
pub struct Inside {
    objects: Mutex<BTreeMap<String, Stored>>,
    pub faults: Mutex<Faults>,
    pub gets: AtomicU64,
    pub lists: AtomicU64,
    /// Keys that were listed.
    pub listed: AtomicU64,
    /// Bytes of bodies.
    pub sent: AtomicU64,
}

#[derive(Clone)]
struct Bucket(Arc<Inside>);

/// The server. Dropped, it is killed.
pub struct Server {
    address: SocketAddr,
    pub inside: Arc<Inside>,
    running: Option<(oneshot::Sender<()>, std::thread::JoinHandle<()>)>,
    asks_for_keys: bool,
}

impl Server {
    pub fn start() -> Server {
        Server::start_with(true)
    }

    /// A server that anybody may read from. It also answers Google's clients, whose XML API is that of S3 for reading.
    pub fn start_open() -> Server {
        Server::start_with(false)
    }

    fn start_with(asks_for_keys: bool) -> Server {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let mut server = Server { address, inside: Arc::default(), running: None, asks_for_keys };
        server.start_again();
        server
    }

    /// Starts it at the address that it had.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let (inside, address, asks_for_keys) = (self.inside.clone(), self.address, self.asks_for_keys);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let serving = async move {
                let listener = listen(address);
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, inside, asks_for_keys).await
            };
            runtime.block_on(async move {
                let local = tokio::task::LocalSet::new();
                local
                    .run_until(async {
                        tokio::select! { () = serving => {}, _ = stopped => {} }
                    })
                    .await;
            });
            // Dropping the runtime drops all connections where they stand.
        });
        self.address = told.recv().unwrap();
        self.running = Some((stop, thread));
    }

    /// Ends it at once, whatever it was sending.
    pub fn kill(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            thread.join().unwrap();
        }
    }

    /// Puts an object that was modified so long ago.
    pub fn put(&self, key: &str, bytes: impl Into<Body>, age: Duration) {
        let bytes = bytes.into();
        let modified = SystemTime::now() - age;
        let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let tag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        self.inside.objects.lock().unwrap().insert(key.to_owned(), Stored { bytes, modified, tag });
    }

    /// Takes all objects away.
    pub fn clear(&self) {
        self.inside.objects.lock().unwrap().clear();
    }

    /// The settings with which clients find it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn count(&self, counter: fn(&Inside) -> &AtomicU64) -> u64 {
        counter(&self.inside).swap(0, Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    // The address is in use for a while after the server was killed.
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(64).unwrap()
}

async fn serve(listener: TcpListener, inside: Arc<Inside>, asks_for_keys: bool) {
    let mut builder = S3ServiceBuilder::new(Bucket(inside));
    if asks_for_keys {
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    }
    let service: S3Service = builder.build();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::task::spawn_local(async move {
            // A client that goes away is no fault.
            let _ = connection.await;
        });
    }
}

impl Inside {
    /// An object as it is told, and its bytes.
    fn find(&self, bucket: &str, key: &str, condition: Option<&ETagCondition>) -> S3Result<(Body, Timestamp, ETag)> {
        if bucket != BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        let objects = self.objects.lock().unwrap();
        let stored = objects.get(key).ok_or_else(|| s3_error!(NoSuchKey))?;
        let tag = ETag::Strong(stored.tag.clone());
        match condition.and_then(ETagCondition::as_etag) {
            Some(wanted) if *wanted != tag => Err(s3_error!(PreconditionFailed)),
            _ => Ok((stored.bytes.clone(), stored.modified.into(), tag)),
        }
    }

    /// A range of an object as a body that is sent in chunks.
    fn body(self: &Arc<Self>, bytes: Body, range: std::ops::Range<usize>) -> StreamingBlob {
        let faults = {
            let mut faults = self.faults.lock().unwrap();
            let is_cut = faults.cuts > 0;
            faults.cuts -= u64::from(is_cut);
            Faults { pause: faults.pause, cuts: u64::from(is_cut), cut_after: faults.cut_after }
        };
        let inside = self.clone();
        let chunks = futures::stream::unfold((range.start, 0), move |(at, sent)| {
            let (bytes, inside) = (bytes.clone(), inside.clone());
            let end = range.end.min(at + CHUNK);
            let (pause, is_cut) = (faults.pause, faults.cuts > 0 && sent >= faults.cut_after);
            let is_done = at >= range.end;
            async move {
                if is_done {
                    return None;
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                if is_cut {
                    return Some((Err(std::io::Error::other("cut off")), (usize::MAX, 0)));
                }
                inside.sent.fetch_add((end - at) as u64, Ordering::SeqCst);
                Some((Ok(bytes::Bytes::copy_from_slice(&bytes[at..end])), (end, sent + end - at)))
            }
        });
        StreamingBlob::wrap(SyncStream(Mutex::new(chunks.boxed())))
    }
}

/// A stream that one task polls at a time, and that says so to those who ask for `Sync`.
struct SyncStream(Mutex<futures::stream::BoxStream<'static, Result<bytes::Bytes, std::io::Error>>>);

impl futures::Stream for SyncStream {
    type Item = Result<bytes::Bytes, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.get_mut().0.get_mut().unwrap().poll_next_unpin(context)
    }
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let (bytes, modified, tag) = self.0.find(&input.bucket, &input.key, input.if_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(bytes.len() as i64),
            last_modified: Some(modified),
            e_tag: Some(tag),
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.0.gets.fetch_add(1, Ordering::SeqCst);
        let input = request.input;
        let (bytes, modified, tag) = self.0.find(&input.bucket, &input.key, input.if_match.as_ref())?;
        let size = bytes.len() as u64;
        let range = match input.range {
            Some(range) => range.check(size).map_err(|_| s3_error!(InvalidRange))?,
            None => 0..size,
        };
        let content_range = input.range.map(|_| format!("bytes {}-{}/{size}", range.start, range.end - 1));
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some((range.end - range.start) as i64),
            content_range,
            last_modified: Some(modified),
            e_tag: Some(tag),
            body: Some(self.0.body(bytes, range.start as usize..range.end as usize)),
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        if input.bucket != BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        self.0.lists.fetch_add(1, Ordering::SeqCst);
        let prefix = input.prefix.clone().unwrap_or_default();
        let behind = input.continuation_token.or(input.start_after);
        let start = match &behind {
            Some(behind) if *behind >= prefix => Bound::Excluded(behind.clone()),
            _ => Bound::Included(prefix.clone()),
        };
        let page = input.max_keys.unwrap_or(1_000) as usize;
        let objects = self.0.objects.lock().unwrap();
        let mut rest = objects.range((start, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(&prefix));
        let contents: Vec<Object> = rest
            .by_ref()
            .take(page)
            .map(|(key, stored)| Object {
                key: Some(key.clone()),
                size: Some(stored.bytes.len() as i64),
                last_modified: Some(stored.modified.into()),
                e_tag: Some(ETag::Strong(stored.tag.clone())),
                ..Default::default()
            })
            .collect();
        self.0.listed.fetch_add(contents.len() as u64, Ordering::SeqCst);
        let next = rest.next().and_then(|_| contents.last()?.key.clone());
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: Some(contents.len() as i32),
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(contents),
            name: Some(input.bucket),
            ..Default::default()
        }))
    }
}

//! Connections to object stores, set up as their own tools are: from the environment.
//!
//! | URL | settings | without keys |
//! |---|---|---|
//! | `s3://` | `AWS_…` | the role of the machine or container; `AWS_SKIP_SIGNATURE=true` for public buckets |
//! | `gs://` | `GOOGLE_…` | the machine's account; `GOOGLE_SKIP_SIGNATURE=true` |
//! | `az://`, `abfss://` | `AZURE_…` | the machine's identity; `AZURE_SKIP_SIGNATURE=true` |

use super::fault::{self, Doing};
use super::location::{Location, Service};
use super::runtime::Runtime;
use crate::error::Result;
use crate::source::inputs::InputOptions;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Nothing answers where the machine has no role: that is no reason to wait long.
const CREDENTIALS_WITHIN: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// An open store of objects.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) location: Location,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) runtime: Arc<Runtime>,
    /// How long a request that fails is tried again.
    pub(super) retry_for: Duration,
}

/// Opens a store. That its keys are there is found out here; that they are right, by the first request.
pub(super) fn connect(location: Location, runtime: Arc<Runtime>, options: &InputOptions) -> Result<Connection> {
    let retry_for = options.retry_for;
    let store = match location.service {
        Service::S3 => s3(&location, &runtime, retry_for)?,
        Service::Google => google(&location, &runtime, retry_for)?,
        Service::Azure => azure(&location, &runtime, retry_for)?,
        Service::Web => web(&location, retry_for)?,
    };
    Ok(Connection { location, store, runtime, retry_for })
}

/// Time alone ends the retries.
fn retry(within: Duration) -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: LONGEST_PAUSE, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: within }
}

/// What the library takes for yes.
fn is_yes(value: &str) -> bool {
    ["1", "true", "on", "yes", "y"].contains(&value.to_ascii_lowercase().as_str())
}

/// Asks for the keys once, without the patience of other requests, and hands on to `$builder` who gave them.
macro_rules! with_checked_credentials {
    ($builder:ident, $skip:expr, $location:ident, $runtime:ident, $within:ident) => {{
        let failed = |error| fault::error(error, $location, &$location.url(), Doing::Connect);
        let is_unsigned = $builder.get_config_value($skip).is_some_and(|value| is_yes(&value));
        let builder = if is_unsigned {
            $builder
        } else {
            let asking = $builder.clone().with_retry(retry(CREDENTIALS_WITHIN.min($within)));
            let credentials = asking.build().map_err(failed)?.credentials().clone();
            let asked = credentials.clone();
            $runtime.run(async move { asked.get_credential().await.map(drop) })?.map_err(failed)?;
            $builder.with_credentials(credentials)
        };
        Ok(Arc::new(builder.with_retry(retry($within)).build().map_err(failed)?))
    }};
}

fn s3(location: &Location, runtime: &Arc<Runtime>, within: Duration) -> Result<Arc<dyn ObjectStore>> {
    let builder = AmazonS3Builder::from_env().with_url(&location.store);
    with_checked_credentials!(builder, &AmazonS3ConfigKey::SkipSignature, location, runtime, within)
}

fn google(location: &Location, runtime: &Arc<Runtime>, within: Duration) -> Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::from_env().with_url(&location.store);
    with_checked_credentials!(builder, &GoogleConfigKey::SkipSignature, location, runtime, within)
}

fn azure(location: &Location, runtime: &Arc<Runtime>, within: Duration) -> Result<Arc<dyn ObjectStore>> {
    let builder = MicrosoftAzureBuilder::from_env().with_url(&location.store);
    with_checked_credentials!(builder, &AzureConfigKey::SkipSignature, location, runtime, within)
}

fn web(location: &Location, within: Duration) -> Result<Arc<dyn ObjectStore>> {
    let failed = |error| fault::error(error, location, &location.url(), Doing::Connect);
    let options = ClientOptions::new().with_allow_http(true);
    let builder = HttpBuilder::new().with_url(&location.store).with_client_options(options);
    Ok(Arc::new(builder.with_retry(retry(within)).build().map_err(failed)?))
}

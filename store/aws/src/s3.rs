use crate::patience::{refused, repeated};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prooflane_store::{Blobs, PutMode, PutOutcome, StoreError, limits};
use std::collections::BTreeMap;
use std::time::Duration;

/// [`Blobs`] in one S3 bucket, each under its own name. SHA-256 checksums are sent with every upload
/// and checked by S3; those of downloads are checked here.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
}

/// Takes one upload.
#[derive(Clone, Debug)]
pub struct UploadUrl {
    /// By HTTP PUT.
    pub url: String,
    /// With these headers.
    pub headers: BTreeMap<String, String>,
}

impl S3Blobs {
    /// The bucket of that name. Where an endpoint is given, as for an emulator, the bucket is named
    /// in the path and not in the host.
    #[must_use]
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        let emulated =
            config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let config = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(emulated)
            .build();
        Self {
            client: Client::from_conf(config),
            bucket: bucket.into(),
        }
    }

    /// Makes the bucket, for tests and emulators; on AWS the infrastructure does. Well if it is there.
    ///
    /// # Errors
    /// [`StoreError`] if it can neither be made nor found.
    pub async fn create(&self) -> Result<(), StoreError> {
        let create = || self.client.create_bucket().bucket(&self.bucket).send();
        match repeated(create).await? {
            Ok(_) => Ok(()),
            Err(error) if error.is_bucket_already_owned_by_you() => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }

    /// Where exactly so many bytes with this SHA-256 can be uploaded under `key`, for `lasting`; S3
    /// refuses others, and any where a blob is there.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name or a time that cannot be; [`StoreError::TooLarge`].
    pub async fn upload_url(
        &self,
        key: &str,
        bytes: usize,
        sha256: &[u8; 32],
        lasting: Duration,
    ) -> Result<UploadUrl, StoreError> {
        limits::blob_key(key)?;
        if bytes > limits::BLOB_BYTES {
            let limit = limits::BLOB_BYTES;
            return Err(StoreError::TooLarge { limit, got: bytes });
        }
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_length(i64::try_from(bytes).unwrap_or(i64::MAX))
            .checksum_sha256(STANDARD.encode(sha256))
            .if_none_match("*");
        let signed = request.presigned(expiring(lasting)?).await;
        let signed = signed
            .map_err(|error| StoreError::Unavailable(format!("no URL was signed: {error}")))?;
        // Every client says by itself how much it sends.
        let headers = signed
            .headers()
            .filter(|(name, _)| *name != "content-length");
        Ok(UploadUrl {
            url: signed.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        })
    }

    /// A URL from which the blob `key` can be downloaded, for `lasting`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name or a time that cannot be.
    pub async fn download_url(&self, key: &str, lasting: Duration) -> Result<String, StoreError> {
        limits::blob_key(key)?;
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(expiring(lasting)?).await;
        signed
            .map(|signed| signed.uri().to_owned())
            .map_err(|error| StoreError::Unavailable(format!("no URL was signed: {error}")))
    }
}

/// S3 signs for at most a week.
fn expiring(lasting: Duration) -> Result<PresigningConfig, StoreError> {
    PresigningConfig::expires_in(lasting)
        .map_err(|error| StoreError::Invalid(format!("a URL lasts up to a week: {error}")))
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, StoreError> {
        limits::blob(key, bytes)?;
        let if_none_match = (mode == PutMode::IfAbsent).then(|| "*".to_owned());
        let put = || {
            self.client
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .set_if_none_match(if_none_match.clone())
                .body(ByteStream::from(bytes.to_vec()))
                .send()
        };
        match repeated(put).await? {
            Ok(_) => Ok(PutOutcome::Written),
            Err(error) => match error.code() {
                // Of several at once exactly one wins; the others are told either of these.
                Some("PreconditionFailed" | "ConditionalRequestConflict") => {
                    Ok(PutOutcome::AlreadyThere)
                }
                _ => Err(refused(&error)),
            },
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        limits::blob_key(key)?;
        let get = || {
            self.client
                .get_object()
                .bucket(&self.bucket)
                .key(key)
                .send()
        };
        match repeated(get).await? {
            Ok(object) => {
                let bytes = object.body.collect().await;
                bytes
                    .map(|bytes| Some(bytes.to_vec()))
                    .map_err(|error| StoreError::Unavailable(format!("{key}: {error}")))
            }
            Err(error) if error.is_no_such_key() => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        limits::blob_key(key)?;
        let delete = || {
            self.client
                .delete_object()
                .bucket(&self.bucket)
                .key(key)
                .send()
        };
        repeated(delete)
            .await?
            .map(drop)
            .map_err(|error| refused(&error))
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        limits::list(limit)?;
        let mut names = Vec::new();
        let mut token = None;
        loop {
            let missing = i32::try_from(limit - names.len()).unwrap_or(i32::MAX);
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_start_after(after.map(str::to_owned))
                .set_continuation_token(token)
                .max_keys(missing);
            let page = repeated(|| request.clone().send()).await?;
            let page = page.map_err(|error| refused(&error))?;
            names.extend(
                page.contents()
                    .iter()
                    .filter_map(|o| o.key().map(str::to_owned)),
            );
            token = page.next_continuation_token;
            if names.len() >= limit || token.is_none() {
                names.truncate(limit);
                return Ok(names);
            }
        }
    }
}

//! What the machine says of its own future: instance metadata, version 2.

use aws_config::SdkConfig;
use aws_config::imds::client::error::ImdsError;
use aws_config::imds::client::{Builder, Client};
use aws_config::provider_config::ProviderConfig;
use std::time::Duration;

/// The machine's own metadata (`AWS_EC2_METADATA_SERVICE_ENDPOINT`; IMDSv2 only, a token with every
/// request).
#[derive(Clone, Debug)]
pub struct Machine {
    metadata: Client,
}

/// Why the machine will go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// EC2 takes a spot instance back, two minutes from the notice.
    Spot,
    /// Its Auto Scaling group has chosen it, and waits for its lifecycle hook.
    Terminated,
}

/// Metadata did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the instance metadata does not answer: {0}")]
pub struct NoMetadata(String);

const SPOT: &str = "/latest/meta-data/spot/instance-action";
const TARGET: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";
const INSTANCE: &str = "/latest/meta-data/instance-id";

impl Machine {
    /// This machine.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self::of(config, Client::builder())
    }

    /// The machine whose metadata are at a URL.
    ///
    /// # Errors
    /// If that is no URL.
    pub fn at(config: &SdkConfig, url: &str) -> Result<Self, NoMetadata> {
        let builder = Client::builder().endpoint(url);
        let builder = builder.map_err(|error| NoMetadata(error.to_string()))?;
        Ok(Self::of(config, builder))
    }

    fn of(config: &SdkConfig, metadata: Builder) -> Self {
        let mut provider = ProviderConfig::default();
        if let Some(http) = config.http_client() {
            provider = provider.with_http_client(http);
        }
        Self {
            metadata: metadata.configure(&provider).build(),
        }
    }

    /// What stands at a path; none where there is nothing.
    async fn read(&self, path: &str) -> Result<Option<String>, NoMetadata> {
        match self.metadata.get(path).await {
            Ok(text) => Ok(Some(text.into())),
            Err(ImdsError::ErrorResponse(answer)) if answer.response().status().as_u16() == 404 => {
                Ok(None)
            }
            Err(error) => Err(NoMetadata(error.to_string())),
        }
    }

    /// Its id.
    ///
    /// # Errors
    /// [`NoMetadata`].
    pub async fn instance_id(&self) -> Result<String, NoMetadata> {
        let id = self.read(INSTANCE).await?;
        id.ok_or_else(|| NoMetadata("expected an instance id, got none".into()))
    }

    /// Whether it will go.
    ///
    /// # Errors
    /// [`NoMetadata`].
    pub async fn notice(&self) -> Result<Option<Notice>, NoMetadata> {
        // A notice of any action, be it to stop or to hibernate: this process ends.
        if self.read(SPOT).await?.is_some() {
            return Ok(Some(Notice::Spot));
        }
        let target = self.read(TARGET).await?;
        let going = target.is_some_and(|state| state.trim() == "Terminated");
        Ok(going.then_some(Notice::Terminated))
    }

    /// Returns once the machine will go, looking `every` so often. Never elsewhere than on EC2, which
    /// is said once.
    pub async fn goes(&self, every: Duration) -> Notice {
        let mut said = false;
        loop {
            match self.notice().await {
                Ok(Some(notice)) => return notice,
                Ok(None) => said = false,
                Err(error) if !said => {
                    said = true;
                    tracing::info!(%error, "while that is so, only SIGTERM drains this machine");
                }
                Err(_) => {}
            }
            tokio::time::sleep(every).await;
        }
    }
}

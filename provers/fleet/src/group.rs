//! The Auto Scaling group that the machine belongs to.

use crate::machine::{Machine, NoMetadata};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use prooflane_worker::Drain;
use std::sync::Arc;
use tokio::sync::{OnceCell, watch};

/// What a machine tells its group. Nothing depends on it but convenience: what is lost with a machine
/// is given to another.
#[async_trait]
pub trait Group: Send + Sync {
    /// Whether scaling in may choose this machine.
    async fn protect(&self, protected: bool) -> Result<(), GroupError>;
    /// The machine is to go and is at its last proofs.
    async fn still_draining(&self) -> Result<(), GroupError>;
    /// The machine may go.
    async fn drained(&self) -> Result<(), GroupError>;
}

/// The group was not told.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The machine does not know itself.
    #[error(transparent)]
    Machine(#[from] NoMetadata),
    /// The service said no, or nothing.
    #[error("{0}")]
    Service(String),
}

impl<E, R> From<SdkError<E, R>> for GroupError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        Self::Service(match (error.code(), error.message()) {
            (Some(code), message) => format!("{code}: {}", message.unwrap_or_default()),
            _ => DisplayErrorContext(error).to_string(),
        })
    }
}

/// A group of EC2 Auto Scaling.
pub struct AutoScaling {
    client: Client,
    machine: Machine,
    instance: OnceCell<String>,
    group: String,
    hook: Option<String>,
}

impl AutoScaling {
    /// The group of this name, and the lifecycle hook that waits for machines that go.
    #[must_use]
    pub fn new(config: &SdkConfig, machine: Machine, group: String, hook: Option<String>) -> Self {
        // These calls may be repeated, unlike the store's.
        let config = aws_sdk_autoscaling::config::Builder::from(config)
            .retry_config(RetryConfig::standard())
            .build();
        Self {
            client: Client::from_conf(config),
            machine,
            instance: OnceCell::new(),
            group,
            hook,
        }
    }

    async fn instance(&self) -> Result<String, GroupError> {
        let found = self.instance.get_or_try_init(|| self.machine.instance_id());
        Ok(found.await?.clone())
    }
}

#[async_trait]
impl Group for AutoScaling {
    async fn protect(&self, protected: bool) -> Result<(), GroupError> {
        let call = self
            .client
            .set_instance_protection()
            .auto_scaling_group_name(&self.group)
            .instance_ids(self.instance().await?)
            .protected_from_scale_in(protected);
        call.send().await?;
        Ok(())
    }

    async fn still_draining(&self) -> Result<(), GroupError> {
        let Some(hook) = &self.hook else {
            return Ok(());
        };
        let call = self
            .client
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name(&self.group)
            .lifecycle_hook_name(hook)
            .instance_id(self.instance().await?);
        call.send().await?;
        Ok(())
    }

    async fn drained(&self) -> Result<(), GroupError> {
        let Some(hook) = &self.hook else {
            return Ok(());
        };
        let call = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(&self.group)
            .lifecycle_hook_name(hook)
            .instance_id(self.instance().await?)
            .lifecycle_action_result("CONTINUE");
        call.send().await?;
        Ok(())
    }
}

/// Protects the machine from scaling in while it is busy, until `ended`.
pub(crate) async fn protection(
    group: Arc<dyn Group>,
    mut busy: watch::Receiver<bool>,
    ended: Drain,
) {
    let mut protected = false;
    let mut going_on = true;
    while going_on {
        tokio::select! {
            biased;
            changed = busy.changed() => going_on = changed.is_ok(),
            () = ended.started() => going_on = false,
        }
        // At its end a machine holds nothing.
        let wanted = going_on && *busy.borrow_and_update();
        if wanted == protected {
            continue;
        }
        match group.protect(wanted).await {
            Ok(()) => protected = wanted,
            Err(error) => tracing::warn!(%error, wanted, "protection from scaling in was not set"),
        }
    }
}

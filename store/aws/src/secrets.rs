use crate::patience::{refused, repeated};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use prooflane_store::StoreError;
use zeroize::Zeroizing;

/// The text of a secret in Secrets Manager, by its name or ARN.
///
/// # Errors
/// [`StoreError`], also where the secret is no text.
pub async fn secret(config: &SdkConfig, id: &str) -> Result<Zeroizing<String>, StoreError> {
    let client = Client::new(config);
    let get = || client.get_secret_value().secret_id(id).send();
    let got = repeated(get).await?.map_err(|error| refused(&error))?;
    let text = got.secret_string.map(Zeroizing::new);
    text.ok_or_else(|| StoreError::Invalid(format!("the secret {id} is no text")))
}

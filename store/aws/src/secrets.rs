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

/// Makes a secret, for tests and emulators; on AWS the infrastructure does.
///
/// # Errors
/// [`StoreError`], also where it is there.
pub async fn create_secret(config: &SdkConfig, name: &str, text: &str) -> Result<(), StoreError> {
    let client = Client::new(config);
    let create = || client.create_secret().name(name).secret_string(text).send();
    let made = repeated(create).await?;
    made.map(drop).map_err(|error| refused(&error))
}

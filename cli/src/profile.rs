//! Which network a command talks to, and with which key: from the flags, the environment, or a
//! profile in the configuration file.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The network that `prooflane up` starts.
const LOCAL: &str = "http://127.0.0.1:8080";

/// Where to find a network, and the key to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its URL.
    pub(crate) network: String,
    /// The API key, where it wants one.
    pub(crate) api_key: Option<String>,
    /// Whether it was named by whoever called, and is not just what one would expect.
    pub(crate) named: bool,
}

/// What was asked for by flags and environment.
pub(crate) struct Wanted {
    pub(crate) network: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) config: Option<PathBuf>,
}

/// The configuration file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The profile that counts where none is named.
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
    /// Of `prooflane ledger`, which reads it itself.
    #[serde(rename = "ledger")]
    _ledger: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    network: String,
    api_key: Option<String>,
}

impl Wanted {
    /// Decides. A network that is named goes without any profile's key: a key is for one network.
    pub(crate) fn target(self) -> anyhow::Result<Target> {
        if let (Some(_), Some(_)) = (&self.network, &self.profile) {
            bail!("expected --network or --profile, got both");
        }
        if let Some(network) = self.network {
            return Ok(Target {
                network,
                api_key: self.api_key,
                named: true,
            });
        }
        let (path, file) = self.read()?;
        let named = self.profile.is_some();
        let Some(name) = self.profile.or(file.default) else {
            return Ok(Target {
                network: LOCAL.into(),
                api_key: self.api_key,
                named,
            });
        };
        let Some(profile) = file.profiles.get(&name) else {
            let known: Vec<_> = file.profiles.keys().map(String::as_str).collect();
            bail!(
                "there is no profile {name} in {}: expected one of [{}]",
                path.display(),
                known.join(", ")
            );
        };
        Ok(Target {
            network: profile.network.clone(),
            api_key: self.api_key.or_else(|| profile.api_key.clone()),
            named,
        })
    }

    /// The configuration file; an empty one where there is none and none was named.
    fn read(&self) -> anyhow::Result<(PathBuf, File)> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => match usual_place() {
                Some(path) if path.exists() => path,
                other => return Ok((other.unwrap_or_default(), File::default())),
            },
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let file = toml::from_str(&text)
            // The error's own text shows the line, which may hold a key.
            .map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.message()))?;
        Ok((path, file))
    }
}

/// As the XDG Base Directory Specification says.
fn usual_place() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(folder("HOME")?.join(".config")));
    Some(config?.join("prooflane").join("config.toml"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const FILE: &str = r#"
        default = "dev"
        [profiles.dev]
        network = "https://dev.example"
        api_key = "dev-key"
        [profiles.prod]
        network = "https://prod.example"
        api_key = "prod-key"
    "#;

    fn decide(
        network: Option<&str>,
        api_key: Option<&str>,
        profile: Option<&str>,
    ) -> Result<(String, Option<String>, bool), String> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, FILE).unwrap();
        let wanted = Wanted {
            network: network.map(Into::into),
            api_key: api_key.map(Into::into),
            profile: profile.map(Into::into),
            config: Some(config),
        };
        let target = wanted.target().map_err(|error| error.to_string())?;
        Ok((target.network, target.api_key, target.named))
    }

    fn is(network: &str, api_key: Option<&str>, named: bool) -> (String, Option<String>, bool) {
        (network.into(), api_key.map(Into::into), named)
    }

    #[test]
    fn the_default_profile_counts_where_nothing_is_said() {
        let dev = is("https://dev.example", Some("dev-key"), false);
        assert_eq!(decide(None, None, None).unwrap(), dev);
    }

    #[test]
    fn a_named_profile_counts_and_a_key_can_be_another() {
        let prod = is("https://prod.example", Some("prod-key"), true);
        assert_eq!(decide(None, None, Some("prod")).unwrap(), prod);
        let other = is("https://prod.example", Some("mine"), true);
        assert_eq!(decide(None, Some("mine"), Some("prod")).unwrap(), other);
    }

    #[test]
    fn a_profiles_key_never_goes_to_another_network() {
        let elsewhere = is("https://elsewhere.example", None, true);
        let got = decide(Some("https://elsewhere.example"), None, None);
        assert_eq!(got.unwrap(), elsewhere);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let both = decide(Some("https://x.example"), None, Some("prod"));
        assert!(both.unwrap_err().contains("got both"));
        let unknown = decide(None, None, Some("test")).unwrap_err();
        assert!(unknown.contains("one of [dev, prod]"), "{unknown}");
    }

    #[test]
    fn an_error_in_the_file_does_not_show_keys() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "[profiles.x]\napi_key = \"secret\" oops\n").unwrap();
        let wanted = Wanted {
            network: None,
            api_key: None,
            profile: None,
            config: Some(config),
        };
        let error = format!("{:#}", wanted.target().err().unwrap());
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn where_nothing_is_said_it_is_the_network_of_this_machine() {
        let wanted = Wanted {
            network: None,
            api_key: None,
            profile: None,
            config: Some("/dev/null".into()),
        };
        assert_eq!(wanted.target().unwrap().network, LOCAL);
    }
}

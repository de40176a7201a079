//! Flags that every command has, and the section `[ledger]` of the configuration file.

use crate::output::{Format, Output};
use anyhow::{Context, bail};
use clap::Args;
use prooflane_client::Client;
use prooflane_ledger::SealingKey;
use serde::Deserialize;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const EVERYWHERE: &str = "For every command";

#[derive(Args)]
pub(crate) struct Everywhere {
    /// The ledger's folder; `prooflane-ledger` where neither this nor the configuration file says otherwise.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "PROOFLANE_LEDGER", hide_env_values = true, value_name = "FOLDER")]
    ledger: Option<PathBuf>,
    /// The network whose ledger is used, instead of a folder's.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "PROOFLANE_LEDGER_NETWORK", hide_env_values = true, value_name = "URL")]
    network: Option<String>,
    /// The API key, where the network wants one.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "PROOFLANE_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
    /// The key file that openings are sealed with. Without one you are asked for a passphrase, or it is taken from
    /// `PROOFLANE_PASSPHRASE`.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "PROOFLANE_LEDGER_KEY", hide_env_values = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What to print.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as --format json.
    #[arg(long, global = true, help_heading = EVERYWHERE, conflicts_with = "format")]
    json: bool,
    /// The configuration file; ~/.config/prooflane/config.toml where not given.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "PROOFLANE_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is to be used.
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) output: Output,
    /// A network's URL and the API key for it.
    network: Option<(String, Option<String>)>,
    key: Option<PathBuf>,
    sealing_key: OnceCell<SealingKey>,
}

/// The configuration file, of which other sections are none of this program's.
#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    ledger: Section,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    folder: Option<PathBuf>,
    network: Option<String>,
    api_key: Option<String>,
    key: Option<PathBuf>,
    format: Option<Format>,
}

impl Everywhere {
    /// What the flags alone say of the output, for errors.
    pub(crate) fn output(&self) -> Output {
        let json = self.json.then_some(Format::Json);
        Output {
            format: json.or(self.format).unwrap_or(Format::Table),
        }
    }

    pub(crate) fn settings(self) -> anyhow::Result<Settings> {
        let section = self.section()?;
        let json = self.json.then_some(Format::Json);
        let format = json.or(self.format).or(section.format);
        // What was typed counts more than the environment, and that more than the file.
        let typed = |value: Option<&OsStr>, variable: &str| {
            value.is_some() && value != std::env::var_os(variable).as_deref()
        };
        let folder = self.ledger.as_ref().map(|path| path.as_os_str());
        let url = self.network.as_ref().map(AsRef::as_ref);
        let folder_typed = typed(folder, "PROOFLANE_LEDGER");
        let network_typed = typed(url, "PROOFLANE_LEDGER_NETWORK");
        if folder.is_some() && url.is_some() && folder_typed == network_typed {
            bail!("expected a ledger's folder or a network, got both");
        }
        // A key of the file's is for the file's network.
        let network = match (self.network, &self.ledger) {
            (Some(_), Some(_)) if folder_typed => None,
            (Some(url), _) => Some((url, self.api_key)),
            (None, Some(_)) => None,
            (None, None) => section
                .network
                .map(|url| (url, self.api_key.or(section.api_key))),
        };
        Ok(Settings {
            network,
            folder: self
                .ledger
                .or(section.folder)
                .unwrap_or("prooflane-ledger".into()),
            key: self.key.or(section.key),
            sealing_key: OnceCell::new(),
            output: Output {
                format: format.unwrap_or(Format::Table),
            },
        })
    }

    fn section(&self) -> anyhow::Result<Section> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => match usual_place() {
                Some(path) if path.exists() => path,
                _ => return Ok(Section::default()),
            },
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let file: File = toml::from_str(&text)
            // The error's own text shows the line, which may hold a key.
            .map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.message()))?;
        Ok(file.ledger)
    }
}

/// As the XDG Base Directory Specification says.
fn usual_place() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(folder("HOME")?.join(".config")));
    Some(config?.join("prooflane").join("config.toml"))
}

impl Settings {
    /// A client of the network whose ledger is used; none where a folder's is.
    pub(crate) fn client(&self) -> anyhow::Result<Option<Client>> {
        let client = self.network.as_ref().map(|(url, api_key)| {
            let client = Client::new(url, api_key.clone());
            Ok(client?)
        });
        client.transpose()
    }

    /// A client of the network whose provers prove.
    pub(crate) fn prover_client(&self) -> anyhow::Result<Client> {
        let client = self.client()?;
        client.context("expected --network URL: its provers prove, and its ledger records it")
    }

    /// As flags.
    pub(crate) fn place(&self) -> String {
        match &self.network {
            Some((url, _)) => format!("--network {url}"),
            None => format!("--ledger {}", self.folder.display()),
        }
    }

    /// For commands that are for the folder of a ledger alone.
    pub(crate) fn demand_folder(&self, otherwise: &str) -> anyhow::Result<()> {
        match &self.network {
            None => Ok(()),
            Some((url, _)) => bail!("expected --ledger, got the network {url}: {otherwise}"),
        }
    }

    /// What openings are sealed with. It is asked for once.
    pub(crate) fn sealing_key(&self) -> anyhow::Result<&SealingKey> {
        self.asked(&["passphrase: "])
    }

    /// The same for a new opening: a passphrase is asked for twice, since a wrong one would lose it.
    pub(crate) fn new_sealing_key(&self) -> anyhow::Result<&SealingKey> {
        self.asked(&["passphrase: ", "once more: "])
    }

    fn asked(&self, prompts: &[&str]) -> anyhow::Result<&SealingKey> {
        if let Some(key) = self.sealing_key.get() {
            return Ok(key);
        }
        let key = self.find_sealing_key(prompts)?;
        Ok(self.sealing_key.get_or_init(|| key))
    }

    fn find_sealing_key(&self, prompts: &[&str]) -> anyhow::Result<SealingKey> {
        if let Some(path) = &self.key {
            return read_key(path);
        }
        if let Ok(passphrase) = std::env::var("PROOFLANE_PASSPHRASE") {
            return passphrase_of(Zeroizing::new(passphrase));
        }
        let terminal = console::Term::stderr();
        if !console::user_attended_stderr() {
            bail!(
                "expected --key FILE or PROOFLANE_PASSPHRASE, got neither; `prooflane ledger keygen FILE` makes a key"
            );
        }
        let mut typed: Option<Zeroizing<String>> = None;
        for prompt in prompts {
            terminal.write_str(prompt)?;
            let passphrase = Zeroizing::new(terminal.read_secure_line()?);
            if typed.as_ref().is_some_and(|before| *before != passphrase) {
                bail!("expected the same passphrase twice");
            }
            typed = Some(passphrase);
        }
        passphrase_of(typed.unwrap_or_default())
    }
}

fn passphrase_of(passphrase: Zeroizing<String>) -> anyhow::Result<SealingKey> {
    if passphrase.is_empty() {
        bail!("expected a passphrase, got an empty one");
    }
    Ok(SealingKey::Passphrase(passphrase))
}

fn read_key(path: &Path) -> anyhow::Result<SealingKey> {
    let text = std::fs::read_to_string(path);
    let text = Zeroizing::new(text.with_context(|| format!("{} cannot be read", path.display()))?);
    let problem = || {
        format!(
            "{}: expected 64 hexadecimal digits, as `keygen` writes them",
            path.display()
        )
    };
    SealingKey::from_hex(&text).with_context(problem)
}

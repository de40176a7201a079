//! What an operator configures: one JSON document.

use crate::binding::Nonces;
use crate::offer::{Asked, Offer};
use http::uri::{Authority, Scheme};
use http::{Method, Uri};
use prooflane_verifier::{DecodeError, Fr, KeyId, PreparedKey, VerifyingKey, field};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use thiserror::Error;

/// What a gate is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// The origin that clients see, such as `https://api.example.com`: proofs are bound to it, never to a `Host` header.
    pub public_origin: String,
    /// Where admitted requests go, such as `http://10.0.0.7:8080`; none for a facilitator only.
    #[serde(default)]
    pub origin: Option<String>,
    /// The Prooflane network in the home region, which holds the nullifiers.
    pub home: String,
    /// Whose receipts count.
    pub attestors: Vec<Attestor>,
    /// What costs what; the first that fits counts, and what fits none is not found.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// The networks of payments, in CAIP-2, that the facilitator serves beside those of the routes.
    #[serde(default)]
    pub networks: Vec<String>,
    /// How far clocks may differ.
    #[serde(default = "thirty")]
    pub skew_seconds: u64,
    /// Where nullifiers are claimed.
    #[serde(default)]
    pub claims: Claims,
    /// Extensions of x402 that are offered with every 402; echoes are compared.
    #[serde(default)]
    pub extensions: crate::wire::Object,
}

fn thirty() -> u64 {
    30
}

/// Where nullifiers are claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Claims {
    /// By one conditional write in the home region.
    #[default]
    Home,
    /// In this edge's own key-value store only, which is neither atomic nor shared: one receipt may be admitted as often as
    /// there are edges, and more often in a race. Quick, and for those who accept that.
    Edge,
}

/// An attestor, and when its word counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestor {
    /// Of its BabyJubJub key, decimal or `0x` hex.
    pub x: String,
    /// Of its BabyJubJub key.
    pub y: String,
    /// From when on, in Unix seconds.
    #[serde(default)]
    pub from: Option<u64>,
    /// Until when, in Unix seconds. A key that is replaced should count for `maxAgeSeconds` more: its receipts are still about.
    #[serde(default)]
    pub until: Option<u64>,
}

/// What requests it is about, and what they cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Route {
    /// A path, or the beginning of paths followed by `/*`.
    pub path: String,
    /// All methods where not given.
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    /// What has to be paid, in any one of these ways; none for requests that are free.
    #[serde(default)]
    pub accepts: Vec<Price>,
    /// Of the resource, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Of the answer.
    #[serde(default)]
    pub mime_type: Option<String>,
}

/// One way to pay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Price {
    /// Where the payment was made, in CAIP-2.
    pub network: String,
    /// The asset on that network.
    pub asset: String,
    /// In its smallest unit, a decimal number below 2^64.
    pub amount: String,
    /// Who must have been paid, as receipts name them.
    pub pay_to: String,
    /// How long a 402 and the proof for it count.
    #[serde(default = "one_minute")]
    pub max_timeout_seconds: u64,
    /// How old the payment may be.
    #[serde(default = "one_day")]
    pub max_age_seconds: u64,
}

fn one_minute() -> u64 {
    60
}

fn one_day() -> u64 {
    86_400
}

/// What is not told in the document: secrets, and the key.
pub struct Secrets {
    /// The API key for the network in the home region; empty for an open one.
    pub home_key: String,
    /// 32 bytes, the same for all instances in front of one origin.
    pub nonce_secret: [u8; 32],
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not the JSON expected.
    #[error("the configuration is not the JSON expected: {0}")]
    Json(#[from] serde_json::Error),
    /// The verifying key cannot be read.
    #[error("the verifying key cannot be read: {0}")]
    Key(#[from] DecodeError),
    /// A verifying key of another circuit.
    #[error("the verifying key: expected one of payment@1, with 9 public inputs, got {0}")]
    NotPayment(usize),
    /// A field's value cannot be used.
    #[error("{field}: expected {expected}, got {got:?}")]
    Value {
        /// Its name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
}

/// A gate, ready to serve.
pub struct Gate {
    pub(crate) key: VerifyingKey,
    /// Made by the first proof that is checked: what needs no proof is answered without waiting for it.
    pub(crate) prepared: OnceLock<PreparedKey>,
    pub(crate) key_id: KeyId,
    pub(crate) public_origin: String,
    pub(crate) origin: Option<Upstream>,
    pub(crate) home: Upstream,
    pub(crate) home_key: String,
    pub(crate) attestors: BTreeMap<String, Trusted>,
    pub(crate) routes: Vec<Priced>,
    pub(crate) networks: Vec<String>,
    pub(crate) skew: u64,
    pub(crate) claims: Claims,
    pub(crate) nonces: Nonces,
    pub(crate) extensions: crate::wire::Object,
}

/// Where requests are sent: scheme and authority, and a path to put before theirs.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

/// An attestor's key, and when it counts.
pub(crate) struct Trusted {
    pub(crate) key: [Fr; 2],
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Trusted {
    pub(crate) fn counts_at(&self, time: u64) -> bool {
        (self.from..self.until).contains(&time)
    }
}

/// A route with what is asked there.
pub(crate) struct Priced {
    path: String,
    methods: Option<Vec<Method>>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) description: Option<String>,
    pub(crate) mime_type: Option<String>,
}

impl Priced {
    pub(crate) fn fits(&self, method: &Method, path: &str) -> bool {
        let fits = match self.path.strip_suffix("/*") {
            Some(beginning) => path
                .strip_prefix(beginning)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            None => path == self.path,
        };
        fits && (self.methods.as_ref()).is_none_or(|methods| methods.contains(method))
    }
}

impl Gate {
    /// A gate for proofs under this verifying key of `payment@1`, in its compact form.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &str, key: &[u8], secrets: Secrets) -> Result<Self, ConfigError> {
        let config: Config = crate::from_json(config.as_bytes())?;
        let key = VerifyingKey::from_compact(key)?;
        if key.public_inputs() != 9 {
            return Err(ConfigError::NotPayment(key.public_inputs()));
        }
        let mut attestors = BTreeMap::new();
        for attestor in &config.attestors {
            let key = [field::parse(&attestor.x)?, field::parse(&attestor.y)?];
            let trusted = Trusted {
                key,
                from: attestor.from.unwrap_or(0),
                until: attestor.until.unwrap_or(u64::MAX),
            };
            attestors.insert(pack(&key), trusted);
        }
        let public_origin = public_origin(&config.public_origin)?;
        let routes: Vec<Priced> = (config.routes.into_iter())
            .map(priced)
            .collect::<Result<_, _>>()?;
        let asked = routes.iter().flat_map(|route| &route.offers);
        let asked = asked.map(|offer| offer.asked.network.clone());
        let mut networks = Vec::new();
        for network in asked.chain(config.networks) {
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Ok(Self {
            key_id: key.id(),
            key,
            prepared: OnceLock::new(),
            public_origin,
            origin: (config.origin.as_deref())
                .map(|origin| upstream("origin", origin))
                .transpose()?,
            home: upstream("home", &config.home)?,
            home_key: secrets.home_key,
            attestors,
            routes,
            networks,
            skew: config.skew_seconds,
            claims: config.claims,
            nonces: Nonces::new(secrets.nonce_secret),
            extensions: config.extensions,
        })
    }
}

impl Upstream {
    /// The address of a path here.
    pub(crate) fn uri(&self, path: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
    }

    /// Scheme and authority.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }
}

fn upstream(field: &'static str, text: &str) -> Result<Upstream, ConfigError> {
    let wrong = || ConfigError::Value {
        field,
        expected: "an http or https URL without a query",
        got: text.to_owned(),
    };
    let parts = text.parse::<Uri>().map_err(|_| wrong())?.into_parts();
    let path = parts.path_and_query.ok_or_else(wrong)?;
    match (parts.scheme, parts.authority) {
        (Some(scheme), Some(authority))
            if [Scheme::HTTP, Scheme::HTTPS].contains(&scheme) && path.query().is_none() =>
        {
            Ok(Upstream {
                scheme,
                authority,
                prefix: path.path().trim_end_matches('/').to_owned(),
            })
        }
        _ => Err(wrong()),
    }
}

/// "The serialization of an origin": scheme, host in lower case, port if it is not the scheme's own (RFC 6454, section 6.2).
fn public_origin(text: &str) -> Result<String, ConfigError> {
    let wrong = || ConfigError::Value {
        field: "publicOrigin",
        expected: "an origin such as https://api.example.com, without a path",
        got: text.to_owned(),
    };
    let url = upstream("publicOrigin", text)?;
    if !url.prefix.is_empty() || text.ends_with('/') || text.contains('@') {
        return Err(wrong());
    }
    let own_port = if url.scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = url.authority.host().to_ascii_lowercase();
    Ok(match url.authority.port_u16() {
        Some(port) if port != own_port => format!("{}://{host}:{port}", url.scheme),
        _ => format!("{}://{host}", url.scheme),
    })
}

fn priced(route: Route) -> Result<Priced, ConfigError> {
    let wrong = |field, expected, got: &str| ConfigError::Value {
        field,
        expected,
        got: got.to_owned(),
    };
    if !route.path.starts_with('/') || route.path.trim_end_matches("/*").contains('*') {
        let expected = "a path that begins with /, and may end in /*";
        return Err(wrong("routes.path", expected, &route.path));
    }
    let methods = route.methods.map(|methods| {
        let method = |name: String| {
            let expected = "an HTTP method in upper case";
            let read = name.parse::<Method>();
            read.ok()
                .filter(|_| name == name.to_ascii_uppercase())
                .ok_or_else(|| wrong("routes.methods", expected, &name))
        };
        methods.into_iter().map(method).collect::<Result<_, _>>()
    });
    let offer = |price: Price| {
        let caip2 = price
            .network
            .split_once(':')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if !caip2 {
            let expected = "a network in CAIP-2, such as eip155:8453";
            return Err(wrong("routes.accepts.network", expected, &price.network));
        }
        if price.max_timeout_seconds == 0 || price.max_timeout_seconds > 3_600 {
            let got = price.max_timeout_seconds.to_string();
            let expected = "1 to 3600 seconds";
            return Err(wrong("routes.accepts.maxTimeoutSeconds", expected, &got));
        }
        let amount = price.amount.parse().map_err(|_| {
            let expected = "a decimal number below 2^64";
            wrong("routes.accepts.amount", expected, &price.amount)
        })?;
        Ok(Offer::new(Asked {
            network: price.network,
            asset: price.asset,
            amount,
            pay_to: price.pay_to,
            max_timeout: price.max_timeout_seconds,
            max_age: price.max_age_seconds,
        }))
    };
    Ok(Priced {
        path: route.path,
        methods: methods.transpose()?,
        offers: (route.accepts.into_iter())
            .map(offer)
            .collect::<Result<_, _>>()?,
        description: route.description,
        mime_type: route.mime_type,
    })
}

/// circomlib's `packPoint`: y in 32 little-endian bytes, the top bit set where x is the larger of x and -x.
#[must_use]
pub fn pack(key: &[Fr; 2]) -> String {
    let [x, y] = key;
    let mut bytes = field::to_bytes_be(y);
    bytes.reverse();
    if field::to_bytes_be(x) > field::to_bytes_be(&-*x) {
        bytes[31] |= 0x80;
    }
    hex::encode(bytes)
}

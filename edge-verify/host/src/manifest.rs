//! `spin.toml`: what the component is granted.
//!
//! The parts of Spin's manifest, version 2, that this host has an answer to; it passes over the rest.

use crate::outgoing::Allowed;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// An application of one component.
pub struct Manifest {
    variables: BTreeMap<String, Declared>,
    component: Component,
}

#[derive(Deserialize)]
struct File {
    spin_manifest_version: u8,
    #[serde(default)]
    variables: BTreeMap<String, Declared>,
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Declared {
    default: Option<String>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: BTreeSet<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// What a component gets, all expressions resolved. Variables may be secrets: no `Debug`.
pub(crate) struct Granted {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) stores: BTreeSet<String>,
    pub(crate) hosts: Allowed,
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not a manifest.
    #[error("the manifest cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Not version 2.
    #[error("expected spin_manifest_version = 2, got {0}")]
    Version(u8),
    /// Not one component.
    #[error("expected a manifest with one component, got {0}")]
    Components(usize),
    /// A value for a variable that is not declared.
    #[error("the manifest declares no variable {0}; those it declares: {1}")]
    Unknown(String, String),
    /// No value for a required variable.
    #[error("the variable {name} has no value: give it by --variable {name}=VALUE or in SPIN_VARIABLE_{}", name.to_uppercase())]
    Missing {
        /// Its name.
        name: String,
    },
    /// A template that is not closed, or names what is not declared.
    #[error("{0:?} is not a template of declared variables")]
    Template(String),
    /// An outgoing host that is not an origin.
    #[error("expected scheme://host or scheme://host:port in allowed_outbound_hosts, got {0:?}")]
    Host(String),
}

impl Manifest {
    /// Reads one.
    ///
    /// # Errors
    /// If it is not a manifest of version 2 with one component.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let file: File = toml::from_str(text)?;
        if file.spin_manifest_version != 2 {
            return Err(ManifestError::Version(file.spin_manifest_version));
        }
        let count = file.component.len();
        let mut components = file.component.into_values();
        match (components.next(), components.next()) {
            (Some(component), None) => Ok(Self {
                variables: file.variables,
                component,
            }),
            _ => Err(ManifestError::Components(count)),
        }
    }

    /// The values that the environment has for the application's variables, in `SPIN_VARIABLE_NAME`.
    pub fn from_environment(&self) -> BTreeMap<String, String> {
        let value = |name: &String| {
            let value = std::env::var(format!("SPIN_VARIABLE_{}", name.to_uppercase()));
            Some((name.clone(), value.ok()?))
        };
        self.variables.keys().filter_map(value).collect()
    }

    /// Resolves everything with these values of the application's variables.
    pub(crate) fn grant(&self, given: &BTreeMap<String, String>) -> Result<Granted, ManifestError> {
        if let Some(unknown) = given
            .keys()
            .find(|name| !self.variables.contains_key(*name))
        {
            let declared: Vec<_> = self.variables.keys().map(String::as_str).collect();
            return Err(ManifestError::Unknown(unknown.clone(), declared.join(", ")));
        }
        let mut values = BTreeMap::new();
        for (name, declared) in &self.variables {
            let default = declared.default.as_ref().filter(|_| !declared.required);
            let value = given.get(name).or(default);
            let value = value.ok_or_else(|| ManifestError::Missing { name: name.clone() })?;
            values.insert(name.as_str(), value.as_str());
        }
        let component = &self.component;
        let variables = component.variables.iter();
        let variables = variables
            .map(|(name, template)| Ok((name.clone(), resolve(template, &values)?)))
            .collect::<Result<_, ManifestError>>()?;
        let hosts = component.allowed_outbound_hosts.iter();
        let hosts = hosts.map(|template| resolve(template, &values));
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        Ok(Granted {
            variables,
            stores: component.key_value_stores.clone(),
            hosts: Allowed::parse(hosts.iter().map(String::as_str)).map_err(ManifestError::Host)?,
        })
    }
}

/// A template with `{{ name }}` replaced by values.
fn resolve(template: &str, values: &BTreeMap<&str, &str>) -> Result<String, ManifestError> {
    let wrong = || ManifestError::Template(template.to_owned());
    let mut resolved = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or_else(wrong)?;
        resolved += before;
        resolved += values.get(name.trim()).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(resolved + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "test"
        [variables]
        origin = { required = true }
        secret = { required = true, secret = true }
        port = { default = "80" }
        [component.test]
        source = "test.wasm"
        key_value_stores = ["default"]
        allowed_outbound_hosts = ["{{ origin }}", "http://localhost:{{port}}"]
        [component.test.variables]
        upstream = "{{ origin }}/api?{{ secret }}"
    "#;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn refused(manifest: &str, given: &[(&str, &str)]) -> String {
        let granted = Manifest::parse(manifest).and_then(|manifest| manifest.grant(&values(given)));
        granted.err().expect("refused").to_string()
    }

    #[test]
    fn expressions_are_resolved() {
        let given = values(&[("origin", "https://a.example"), ("secret", "s")]);
        let granted = Manifest::parse(MANIFEST).unwrap().grant(&given).unwrap();
        assert_eq!(granted.variables["upstream"], "https://a.example/api?s");
        assert!(granted.stores.contains("default"));
        let hosts = format!("{:?}", granted.hosts);
        assert!(hosts.contains("a.example") && hosts.contains("port: 80"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let origin = ("origin", "https://a.example");
        let missing = refused(MANIFEST, &[origin]);
        assert!(missing.contains("SPIN_VARIABLE_SECRET"), "{missing}");
        let unknown = refused(MANIFEST, &[("orgin", "")]);
        assert!(
            unknown.contains("orgin; those it declares: origin"),
            "{unknown}"
        );
        let both = [origin, ("secret", "s")];
        for (is, becomes, expected) in [
            ("version = 2", "version = 1", "got 1"),
            ("{{ origin }}\"", "{{ none }}\"", "{{ none }}"),
            ("{{ origin }}\"", "{{ origin\"", "{{ origin"),
            ("{{ origin }}\"", "https://*\"", "https://*"),
            (
                "[component.test]",
                "[component.a]\n[component.test]",
                "got 2",
            ),
        ] {
            let said = refused(&MANIFEST.replacen(is, becomes, 1), &both);
            assert!(said.contains(expected), "{said}");
        }
    }
}

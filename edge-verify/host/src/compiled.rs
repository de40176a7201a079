//! The component as this machine's code, kept beside it.
#![allow(unsafe_code)]

use sha2::{Digest, Sha256};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A component that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It cannot be read.
    #[error("{}: {error}. `cargo xtask edge` builds the component", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be compiled.
    #[error("{} cannot be compiled: {reason}", .path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The component of a file.
///
/// Its compiled form is looked for beside it, as `NAME-HASH.cwasm`, where the hash is of the component, of
/// wasmtime's version and of the engine's settings; it is made and put there if it is missing.
///
/// # Errors
/// If the file cannot be read or is no component.
pub(crate) fn load(engine: &Engine, path: &Path) -> Result<Component, ComponentError> {
    let bytes = std::fs::read(path).map_err(|error| ComponentError::Read {
        path: path.to_owned(),
        error,
    })?;
    let kept = place(engine, path, &bytes);
    if let Some(component) = open(engine, &kept) {
        return Ok(component);
    }
    // Where several processes want it at once, one compiles it and the others wait. Without a lock, each does.
    let lock = File::create(path.with_extension("lock")).ok();
    if lock.as_ref().is_some_and(|lock| lock.lock().is_ok())
        && let Some(component) = open(engine, &kept)
    {
        return Ok(component);
    }
    let failed = |error: wasmtime::Error| ComponentError::Compile {
        path: path.to_owned(),
        reason: format!("{error:#}"),
    };
    let code = engine.precompile_component(&bytes).map_err(failed)?;
    if let Err(error) = keep(&kept, &code) {
        tracing::warn!(%error, "the compiled component is not kept in {}", kept.display());
    }
    // SAFETY: these bytes are what `precompile_component` has just returned.
    unsafe { Component::deserialize(engine, &code) }.map_err(failed)
}

fn place(engine: &Engine, path: &Path, component: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    // Of wasmtime's version, of the settings and of the machine's features.
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut hash = Sha256::new();
    hash.update(hasher.finish().to_le_bytes());
    hash.update(component);
    let hash = hex::encode(&hash.finalize()[..16]);
    path.with_file_name(format!("{}-{hash}.cwasm", stem(path)))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The code of a file, if it is there, nobody but this user could have written it, and it is wasmtime's.
fn open(engine: &Engine, path: &Path) -> Option<Component> {
    let folder = path.parent()?;
    if !only_ours(path).ok()? || !only_ours(folder).ok()? {
        tracing::warn!("{} could be another's: compiled anew", path.display());
        return None;
    }
    // SAFETY: what is loaded is run without a check, so it has to be what `precompile_component` made. Files of
    // this name are written by `keep` alone, whole or not at all, and never changed; the hash in the name is of
    // what the code was made from. Whoever else could write one has this user's rights already (`only_ours`).
    // Wasmtime itself refuses what another version of it or other settings made.
    let component = unsafe { Component::deserialize_file(engine, path) };
    component
        .inspect_err(|error| tracing::warn!("{}: {error:#}: compiled anew", path.display()))
        .ok()
}

/// Whether this process's user owns it and no other may write to it.
#[cfg(unix)]
fn only_ours(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path)?;
    Ok(found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0)
}

/// Nothing is known of it here, so nothing is taken from files.
#[cfg(not(unix))]
fn only_ours(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Writes it whole or not at all, and removes what was compiled from other builds of the same component.
fn keep(path: &Path, code: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(code)?;
    let name = stem(path);
    let of_the_same = name.rsplit_once('-').map_or(&*name, |(before, _)| before);
    for other in std::fs::read_dir(folder)? {
        let other = other?.path();
        let same = stem(&other)
            .rsplit_once('-')
            .is_some_and(|(before, _)| before == of_the_same);
        if same
            && other
                .extension()
                .is_some_and(|extension| extension == "cwasm")
        {
            // Another process may have removed it.
            let _ = std::fs::remove_file(other);
        }
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn files(folder: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        files
            .filter(|file| file.extension().unwrap() == "cwasm")
            .collect()
    }

    #[test]
    fn is_compiled_once_and_again_when_it_must_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let engine = Engine::default();
        fs::write(&path, EMPTY).unwrap();
        load(&engine, &path).unwrap();
        let kept = files(folder.path());
        assert_eq!(kept.len(), 1);
        assert!(open(&engine, &kept[0]).is_some());

        // What others may write to is not run, nor what lies where they may write.
        for writable in [&kept[0], &folder.path().to_owned()] {
            let before = fs::metadata(writable).unwrap().permissions();
            fs::set_permissions(writable, Permissions::from_mode(0o777)).unwrap();
            assert!(open(&engine, &kept[0]).is_none(), "{}", writable.display());
            fs::set_permissions(writable, before).unwrap();
        }

        // What is no code is replaced.
        fs::write(&kept[0], b"not code").unwrap();
        assert!(open(&engine, &kept[0]).is_none());
        load(&engine, &path).unwrap();
        assert!(open(&engine, &kept[0]).is_some());

        // Another engine and another component have another file, and the old one goes.
        let other = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        load(&other, &path).unwrap();
        assert_ne!(files(folder.path()), kept);
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn what_is_missing_or_no_component_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let engine = Engine::default();
        let missing = load(&engine, &path).err().unwrap().to_string();
        assert!(missing.contains("cargo xtask edge"), "{missing}");
        fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
        let module = load(&engine, &path).err().unwrap().to_string();
        assert!(module.contains("a.wasm cannot be compiled"), "{module}");
        assert!(files(folder.path()).is_empty());
    }
}

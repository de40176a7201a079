//! Names the code of the circuits by what it says: `code` in the output folder is SHA-256 of every source file here and of
//! the versions that the workspace is locked to.

use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let mut files = vec![];
    collect(Path::new("src"), &mut files)?;
    // How texts become constants; and what is locked, which is not there where the crate is built outside its workspace.
    for other in ["../verifier/src/field.rs", "../Cargo.lock"].map(PathBuf::from) {
        files.extend(other.exists().then_some(other));
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        let (name, content) = (file.to_string_lossy(), std::fs::read(file)?);
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        println!("cargo::rerun-if-changed={name}");
    }
    println!("cargo::rerun-if-changed=src");
    let out = std::env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&out).join("code"), hash.finalize())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

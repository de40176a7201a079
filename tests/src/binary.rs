//! The `prooflane` binary of this build.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Builds it, once per process, in the profile of the tests, and says where it is.
///
/// # Panics
/// If it does not build.
pub fn prooflane() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/<profile>/deps/<test>-<hash>
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "prooflane", "--bin", "prooflane"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert!(build.status().unwrap().success(), "prooflane does not build");
        profile.join("prooflane")
    })
}

//! Paths that mean the same to the gate and to the origin.

/// A path that an origin might read as another one is refused: what is paid for must be what is served, and a free path
/// must not lead to a paid one.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%5c", "%00", "\\"]
        .iter()
        .any(|text| lower.contains(text))
    {
        return Err("expected a path without backslashes or encoded slashes");
    }
    let inner = lower.trim_start_matches('/').trim_end_matches('/');
    if lower.starts_with("//") || lower.ends_with("//") || inner.contains("//") {
        return Err("expected a path without empty segments");
    }
    let dots = |segment: &str| {
        let segment = segment.replace("%2e", ".");
        // A server may cut parameters off before it looks at dots.
        let name = segment.split(';').next().unwrap_or("");
        name == "." || name == ".."
    };
    if lower.split('/').any(dots) {
        return Err("expected a path without . and .. segments");
    }
    Ok(())
}

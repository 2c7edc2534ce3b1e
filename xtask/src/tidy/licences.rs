//! The licences of everything that is built, held against the allow list of deny.toml: no copyleft.

use serde_json::Value;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};
use toml::Table;

use super::Finding;

/// The allow list: `licenses.allow` of deny.toml.
pub(crate) fn allowed(deny: &str) -> Result<Vec<Licensee>, String> {
    let table: Table = deny.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let list =
        table.get("licenses").and_then(|licenses| licenses.get("allow")).and_then(|allow| allow.as_array());
    let names = list.ok_or("deny.toml: no list licenses.allow")?.iter().filter_map(toml::Value::as_str);
    names.map(|name| Licensee::parse(name).map_err(|error| format!("deny.toml: {name}: {error}"))).collect()
}

/// Every package of `cargo metadata` that cannot be had under allowed licences alone.
pub(crate) fn check(allowed: &[Licensee], metadata: &str) -> Result<Vec<Finding>, String> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata: no packages")?;
    Ok(packages.iter().filter_map(|package| forbidden(allowed, package)).collect())
}

fn forbidden(allowed: &[Licensee], package: &Value) -> Option<Finding> {
    let text = |name| package.get(name).and_then(Value::as_str);
    let what = match text("license") {
        None => "names no licence".to_owned(),
        // Old crates write MIT/Apache-2.0.
        Some(licence) => match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(expression) if expression.evaluate(|asked| fits(allowed, asked)) => return None,
            Ok(_) => format!("has the licence {licence}, which deny.toml does not allow"),
            Err(error) => format!("has a licence that cannot be read: {error}"),
        },
    };
    let name = text("name").unwrap_or("a package without a name");
    Some(Finding::file("Cargo.lock", format!("{name} {} {what}", text("version").unwrap_or_default())))
}

fn fits(allowed: &[Licensee], asked: &LicenseReq) -> bool {
    allowed.iter().any(|licence| licence.satisfies(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str =
        "[licenses]\nallow = ['MIT', 'Apache-2.0', 'Apache-2.0 WITH LLVM-exception', 'ISC', 'Unicode-3.0']";

    fn check(licence: &str, expected: &str) {
        let metadata =
            format!(r#"{{"packages": [{{"name": "x", "version": "1.2.3", "license": {licence}}}]}}"#);
        let findings = super::check(&allowed(DENY).unwrap(), &metadata).unwrap();
        let text: Vec<String> = findings.into_iter().map(|finding| finding.what).collect();
        assert_eq!(text.join("\n"), expected, "{licence}");
    }

    #[test]
    fn allowed_licences() {
        for licence in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 OR GPL-2.0-only",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0-or-later",
            "ISC AND (Apache-2.0 OR ISC)",
        ] {
            check(&format!("\"{licence}\""), "");
        }
    }

    #[test]
    fn forbidden_licences() {
        check("\"GPL-3.0-only\"", "x 1.2.3 has the licence GPL-3.0-only, which deny.toml does not allow");
        check("\"MPL-2.0\"", "x 1.2.3 has the licence MPL-2.0, which deny.toml does not allow");
        check(
            "\"MIT AND LGPL-3.0-only\"",
            "x 1.2.3 has the licence MIT AND LGPL-3.0-only, which deny.toml does not allow",
        );
        check("null", "x 1.2.3 names no licence");
        check("\"as you like\"", "x 1.2.3 has a licence that cannot be read: as you like\n^^ unknown term");
    }

    #[test]
    fn an_allow_list_that_is_missing_or_wrong_allows_nothing() {
        assert!(allowed("").is_err());
        assert!(allowed("[licenses]\nallow = ['MINE']").is_err());
    }
}

//! Which crate may import which: the picture of ARCHITECTURE.md as a table, held against every Cargo.toml.

use toml::{Table, Value};

use super::Finding;

/// The rows of the picture, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Floor,
    Protocol,
    Verdict,
    Adapter,
    Program,
    /// Beside the house: for tests only.
    Testkit,
    /// Beside the house: never part of the product.
    Tool,
}

impl Layer {
    /// Pure: no socket, file, clock, randomness, environment, logging.
    pub(crate) fn is_pure(self) -> bool {
        self <= Self::Verdict
    }
}

/// Every crate of the house. A new crate gets a row here and a line in ARCHITECTURE.md.
const HOUSE: &[(&str, Layer)] = &[
    ("mail", Layer::Floor),
    ("dns", Layer::Floor),
    ("spf", Layer::Protocol),
    ("dkim", Layer::Protocol),
    ("arc", Layer::Protocol),
    ("dmarc", Layer::Protocol),
    ("mta-sts", Layer::Protocol),
    ("tls-rpt", Layer::Protocol),
    ("dane", Layer::Protocol),
    ("verdict", Layer::Verdict),
    ("reports", Layer::Verdict),
    ("resolver", Layer::Adapter),
    ("store", Layer::Adapter),
    ("courier", Layer::Adapter),
    ("accept", Layer::Adapter),
    ("milter", Layer::Adapter),
    ("socketmap", Layer::Adapter),
    ("tlsrpt-socket", Layer::Adapter),
    ("web", Layer::Adapter),
    ("mailward", Layer::Program),
    ("testkit", Layer::Testkit),
    ("xtask", Layer::Tool),
    ("fuzz", Layer::Tool),
    ("bench", Layer::Tool),
];

/// The arrows inside a row: importer, imported. DMARC needs the proofs that only SPF and DKIM can make; servers share the
/// loop that takes connections.
const ARROWS: &[(&str, &str)] = &[
    ("dns", "mail"),
    ("arc", "dkim"),
    ("dmarc", "spf"),
    ("dmarc", "dkim"),
    ("milter", "accept"),
    ("socketmap", "accept"),
    ("web", "accept"),
];

/// What a pure crate never imports: sockets, files, clocks, randomness, logging. `*` ends a prefix.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "env_logger",
    "fastrand",
    "getrandom",
    "hickory-*",
    "hyper*",
    "log",
    "mio",
    "rand",
    "rand_*",
    "reqwest",
    "rusqlite",
    "sea-orm*",
    "smol",
    "socket2",
    "sqlx*",
    "time",
    "tokio*",
    "tracing*",
    "ureq",
];

/// When an import counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Build,
    Dev,
}

/// What a Cargo.toml says of its crate's imports.
#[derive(Debug)]
pub(crate) struct Package {
    /// Of the Cargo.toml.
    path: String,
    pub(crate) name: String,
    imports: Vec<(Kind, String)>,
}

impl Package {
    /// Reads the Cargo.toml at `path`; `None` for one without a package (the workspace's own).
    pub(crate) fn parse(path: &str, text: &str) -> Result<Option<Self>, Finding> {
        let table: Table = text.parse().map_err(|error| Finding::file(path, format!("{error}")))?;
        let mut imports = Vec::new();
        collect(path, &table, &mut imports)?;
        if let Some(workspace) = table.get("workspace").and_then(Value::as_table) {
            collect(path, workspace, &mut Vec::new())?;
        }
        for target in table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values) {
            collect(path, target.as_table().unwrap_or(&Table::new()), &mut imports)?;
        }
        let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        Ok(name.map(|name| Self { path: path.to_owned(), name: name.to_owned(), imports }))
    }

    /// The row in which the crate stands.
    pub(crate) fn layer(&self) -> Option<Layer> {
        layer(&self.name)
    }
}

fn collect(path: &str, table: &Table, imports: &mut Vec<(Kind, String)>) -> Result<(), Finding> {
    let sections = [
        ("dependencies", Kind::Normal),
        ("build-dependencies", Kind::Build),
        ("dev-dependencies", Kind::Dev),
    ];
    for (section, kind) in sections {
        for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            // A second name for a crate would lead around every rule here.
            if value.get("package").is_some() {
                return Err(Finding::file(
                    path,
                    format!("`{name}` renames a crate: import it under its own name"),
                ));
            }
            imports.push((kind, name.clone()));
        }
    }
    Ok(())
}

/// The crate to which a file belongs.
pub(crate) fn owner<'a>(packages: &'a [Package], file: &str) -> Option<&'a Package> {
    let inside = |package: &&Package| {
        package.path.strip_suffix("Cargo.toml").is_some_and(|folder| file.starts_with(folder))
    };
    packages.iter().filter(inside).max_by_key(|package| package.path.len())
}

fn layer(name: &str) -> Option<Layer> {
    HOUSE.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

/// Every import of the package that the picture does not have.
pub(crate) fn check(package: &Package) -> Vec<Finding> {
    let Some(from) = package.layer() else {
        let what = format!(
            "`{}` has no place in the house: give it a row in HOUSE (xtask/src/tidy/layers.rs) and a line in ARCHITECTURE.md",
            package.name
        );
        return vec![Finding::file(&package.path, what)];
    };
    let imports = package.imports.iter();
    imports
        .filter_map(|(kind, to)| forbidden(&package.name, from, *kind, to))
        .map(|what| Finding::file(&package.path, what))
        .collect()
}

/// Why `name` may not import `to`, if it may not.
fn forbidden(name: &str, from: Layer, kind: Kind, to: &str) -> Option<String> {
    let Some(target) = layer(to) else {
        let impure =
            from.is_pure() && kind == Kind::Normal && IMPURE.iter().any(|pattern| matches(pattern, to));
        return impure.then(|| {
            format!("`{name}` is pure and may not import `{to}`: what it gives comes in as an argument")
        });
    };
    let fine = match target {
        // A tool is no part of the product: what is for tests may help it.
        Layer::Testkit => kind == Kind::Dev || from == Layer::Tool,
        Layer::Program | Layer::Tool => false,
        Layer::Floor | Layer::Protocol | Layer::Verdict | Layer::Adapter => match from {
            // Its own tests put whole parts together, adapters too.
            Layer::Testkit => target <= Layer::Verdict || kind == Kind::Dev,
            _ => target < from || ARROWS.contains(&(name, to)),
        },
    };
    let why = match target {
        Layer::Testkit => "it is for tests: only as a dev-dependency",
        Layer::Adapter if from == Layer::Adapter => "adapters never see each other",
        _ => "imports point down only, or along an arrow of ARCHITECTURE.md",
    };
    (!fine).then(|| format!("`{name}` may not import `{to}`: {why}"))
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a Cargo.toml, one finding a line.
    fn check(manifest: &str, expected: &str) {
        let findings = match Package::parse("Cargo.toml", manifest) {
            Ok(package) => package.iter().flat_map(super::check).collect(),
            Err(finding) => vec![finding],
        };
        let text: Vec<String> = findings.into_iter().map(|finding| finding.what).collect();
        assert_eq!(text.join("\n"), expected, "{manifest}");
    }

    /// Is it allowed that `from` imports `to` in `section`?
    fn edge(from: &str, section: &str, to: &str, allowed: bool) {
        let manifest = format!("package.name = '{from}'\n[{section}]\n{to}.workspace = true");
        let package = Package::parse("Cargo.toml", &manifest).unwrap().unwrap();
        assert_eq!(super::check(&package).is_empty(), allowed, "{from} -> {to} in {section}");
    }

    #[test]
    fn edges() {
        for (from, to, allowed) in [
            ("dns", "mail", true),
            ("mail", "dns", false),
            ("spf", "dns", true),
            ("spf", "dkim", false),
            ("dmarc", "spf", true),
            ("dmarc", "dkim", true),
            ("dkim", "dmarc", false),
            ("arc", "dkim", true),
            ("dmarc", "arc", false),
            ("verdict", "dmarc", true),
            ("verdict", "reports", false),
            ("reports", "mail", true),
            ("spf", "verdict", false),
            ("verdict", "resolver", false),
            ("resolver", "dns", true),
            ("resolver", "verdict", true),
            ("web", "store", false),
            ("web", "accept", true),
            ("store", "accept", false),
            ("mailward", "resolver", true),
            ("mailward", "spf", true),
            ("resolver", "mailward", false),
            ("mailward", "testkit", false),
            ("testkit", "verdict", true),
            ("testkit", "resolver", false),
            ("bench", "mailward", false),
            ("bench", "testkit", true),
            ("fuzz", "dkim", true),
            ("mail", "xtask", false),
        ] {
            edge(from, "dependencies", to, allowed);
        }
    }

    #[test]
    fn testkit_is_a_dev_dependency_and_dev_dependencies_follow_the_picture_too() {
        edge("mail", "dev-dependencies", "testkit", true);
        edge("mail", "build-dependencies", "testkit", false);
        edge("spf", "dev-dependencies", "resolver", false);
        edge("dmarc", "target.'cfg(unix)'.dependencies", "resolver", false);
    }

    #[test]
    fn pure_crates() {
        for (from, to, allowed) in [
            ("spf", "tokio", false),
            ("mail", "tokio-util", false),
            ("verdict", "hickory-resolver", false),
            ("dns", "rand", false),
            ("dns", "randomness-free", true),
            ("dkim", "aws-lc-rs", true),
            ("resolver", "tokio", true),
            ("mailward", "tracing", true),
        ] {
            edge(from, "dependencies", to, allowed);
        }
        edge("spf", "dev-dependencies", "tokio", true);
    }

    #[test]
    fn messages() {
        check(
            "package.name = 'web'\n[dependencies]\nstore = '1'",
            "`web` may not import `store`: adapters never see each other",
        );
        check(
            "package.name = 'other'",
            "`other` has no place in the house: give it a row in HOUSE (xtask/src/tidy/layers.rs) and a line in ARCHITECTURE.md",
        );
        check(
            "package.name = 'spf'\n[dependencies]\nanything = { version = '1', package = 'tokio' }",
            "`anything` renames a crate: import it under its own name",
        );
        check(
            "workspace.dependencies.anything = { version = '1', package = 'tokio' }",
            "`anything` renames a crate: import it under its own name",
        );
        check("[workspace]\nmembers = []", "");
    }

    #[test]
    fn a_file_belongs_to_the_innermost_crate() {
        let package =
            |path, name: &str| Package::parse(path, &format!("package.name = '{name}'")).unwrap().unwrap();
        let packages =
            [package("crates/spf/Cargo.toml", "spf"), package("crates/spf/fuzz/Cargo.toml", "fuzz")];
        let owner = |file| super::owner(&packages, file).map(|package| package.name.as_str());
        assert_eq!(owner("crates/spf/src/lib.rs"), Some("spf"));
        assert_eq!(owner("crates/spf/fuzz/src/main.rs"), Some("fuzz"));
        assert_eq!(owner("README.md"), None);
    }
}

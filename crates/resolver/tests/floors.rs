//! What reads packets is new enough, and does no more than it has to (the catalogue's DNS-07, 08, 10).
#![allow(clippy::panic)]

/// The version of a package in the lock file.
fn version(name: &str) -> Vec<u64> {
    let lock = include_str!("../../../Cargo.lock");
    let start = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = lock.split_once(&start).unwrap_or_else(|| panic!("{name} is not in the tree"));
    rest.split('"').next().unwrap_or_default().split('.').map(|n| n.parse().unwrap_or(0)).collect()
}

#[test]
fn dns_08_dns_10_the_packet_reader_is_new_enough() {
    for name in ["hickory-proto", "hickory-net"] {
        let version = version(name);
        assert!(
            version >= vec![0, 26, 1],
            "{name} {version:?}: RUSTSEC-2026-0119 and -0120, RUSTSEC-2025-0006"
        );
    }
}

#[test]
fn dns_07_dnssec_is_not_validated_here() {
    for manifest in [include_str!("../Cargo.toml"), include_str!("../../../Cargo.toml")] {
        for line in manifest.lines().filter(|line| line.starts_with("hickory")) {
            let has_defaults =
                !line.contains("default-features = false") && !line.contains("workspace = true");
            assert!(!line.contains("dnssec") && !has_defaults, "{line}");
        }
    }
}

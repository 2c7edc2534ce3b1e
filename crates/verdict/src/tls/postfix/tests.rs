//! What each version of Postfix is told, to the letter.

use mta_sts::Policy;

use super::*;
use crate::tls::Why;

fn postfix(version: &str) -> Postfix {
    Postfix::new(Version::parse(version).unwrap())
}

/// `mx` are the policy's patterns, `hosts` the live MX hosts that it allows, `?` if they are unknown, `- a` with others left out.
fn secure(domain: &str, mx: &str, hosts: &str) -> Decision {
    let mx: String = mx.split_whitespace().map(|mx| format!("mx: {mx}\n")).collect();
    let body = format!("version: STSv1\nmode: enforce\n{mx}max_age: 604800\n");
    let policy = Policy::parse(body.as_bytes()).value.unwrap();
    let left_out = hosts.starts_with('-');
    let names = hosts.trim_start_matches('-').split_whitespace();
    let live = (hosts != "?").then(|| names.map(|host| Domain::parse(host).unwrap()).collect());
    let domain = Domain::parse(domain).unwrap();
    Decision { level: Level::Secure(Secure { domain, policy, hosts: live, left_out }), steps: Vec::new() }
}

fn check(postfix: Postfix, decision: &Decision, expected: &str) {
    assert_eq!(postfix.answer(decision).to_string(), expected, "{postfix:?}");
}

#[test]
fn answers_to_the_letter() {
    let plain = |level| Decision { level, steps: Vec::new() };
    for version in ["3.3", "3.7.11", "3.10.13"] {
        check(postfix(version), &plain(Level::Nothing), "NOTFOUND ");
        check(postfix(version), &plain(Level::Dane), "OK dane");
        check(postfix(version), &plain(Level::DaneOnly), "OK dane-only");
        let reason = "TEMP the MTA-STS policy in force allows none of the MX hosts";
        check(postfix(version), &plain(Level::Defer(Why::NoneAllowed)), reason);
    }
}

const REPORTED: &str = "policy_type=sts policy_domain=sts.example mx_host_pattern=mx.sts.example \
    { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.sts.example } \
    { policy_string = max_age: 604800 }";

/// postfix-tlspol #6: policy_type for a Postfix below 3.10; postfix-mta-sts-resolver #66: servername for one below 3.4. Both are
/// refused with all of the policy, and mail is deferred. postfix-mta-sts-resolver #116: from 3.10 on they have to be there.
#[test]
fn tlsrpt_attributes_never_go_to_an_older_postfix() {
    let decision = secure("sts.example", "mx.sts.example", "mx.sts.example");
    let bare = "OK secure match=mx.sts.example servername=hostname";
    check(postfix("3.3.22"), &decision, "OK secure match=mx.sts.example");
    check(postfix("3.4"), &decision, bare);
    check(postfix("3.7.11"), &decision, bare);
    check(postfix("3.9.9"), &decision, bare);
    for version in ["3.10.0", "3.10.4", "3.10.5", "3.11.0", "4.0"] {
        check(postfix(version), &decision, &format!("{bare} {REPORTED}"));
    }
}

/// Which names may be matched, and which patterns go along.
fn check_names(postfix: Postfix, mx: &str, hosts: &str, expected: &str) {
    let told = postfix.answer(&secure("d.example", mx, hosts)).to_string();
    let values: Vec<&str> = told
        .split(' ')
        .filter_map(|word| word.strip_prefix("match=").or(word.strip_prefix("mx_host_pattern=")))
        .collect();
    assert_eq!(if values.is_empty() { told.clone() } else { values.join(" ") }, expected, "{told}");
}

/// postfix-mta-sts-resolver #105 (CERT-Bund#2023092728001552): ".suffix" matches names of any depth.
#[test]
fn a_suffix_goes_only_where_postfix_takes_it_for_one_label() {
    let only_wildcards =
        "TEMP the MTA-STS policy in force has only wildcards, and the MX records can't be looked up";
    for (old, version) in [(true, "3.7"), (true, "3.10.4"), (false, "3.10.5"), (false, "3.11")] {
        let names = |mx: &str, hosts: &str, expected_old: &str, expected_new: &str| {
            let postfix = postfix(version);
            let reports = version.starts_with("3.1");
            let expected = match (old, reports) {
                (true, false) => expected_old.to_owned(),
                // Before 3.10.5 the patterns are only for reports.
                (true, true) if !expected_old.starts_with("TEMP") => {
                    format!("{expected_old} {mx}")
                }
                (true, true) => expected_old.to_owned(),
                (false, _) => expected_new.to_owned(),
            };
            check_names(postfix, mx, hosts, &expected);
        };
        names("*.d.example", "a.d.example b.d.example", "a.d.example:b.d.example", ".d.example *.d.example");
        names(
            "x.example *.d.example",
            "a.d.example",
            "a.d.example",
            "x.example:.d.example x.example *.d.example",
        );
        names(
            "a.d.example b.d.example",
            "a.d.example",
            "a.d.example:b.d.example",
            "a.d.example:b.d.example a.d.example b.d.example",
        );
        // Left out means left out of what Postfix enforces.
        names("*.d.example", "- a.d.example", "a.d.example", "a.d.example a.d.example");
        names("a.d.example b.d.example", "- a.d.example", "a.d.example", "a.d.example a.d.example");
        // Nobody knows the MX hosts.
        names(
            "a.d.example *.d.example",
            "?",
            "a.d.example",
            "a.d.example:.d.example a.d.example *.d.example",
        );
        names("*.d.example", "?", only_wildcards, ".d.example *.d.example");
    }
    check_names(postfix("3.11").without_patterns(), "*.d.example", "a.d.example", "a.d.example *.d.example");
}

#[test]
fn what_postfix_would_refuse_is_not_told() {
    // Its policy_domain must be a host name; the policy is enforced all the same.
    for domain in ["-a.example", "a-.example", "1.2.3.4"] {
        let expected = "OK secure match=a.d.example servername=hostname";
        check(postfix("3.11"), &secure(domain, "*.d.example", "a.d.example"), expected);
    }
    // Extensions of a policy are not handed on, whatever they hold.
    let body = "version: STSv1\nmode: enforce\nx: } policy_type=no {\nmx: a.d.example\nmax_age: 1\n";
    let policy = Policy::parse(body.as_bytes()).value.unwrap();
    let domain = Domain::parse("d.example").unwrap();
    let level = Level::Secure(Secure { domain, policy, hosts: None, left_out: false });
    let told = postfix("3.11").answer(&Decision { level, steps: Vec::new() }).to_string();
    assert!(told.matches('{').count() == 4 && !told.contains("=no"), "{told}");
}

#[test]
fn limits_of_a_reply() {
    let names = |count: usize| -> String {
        let label = "a".repeat(60);
        (0..count).map(|n| format!("n{n:03}.{label}.example ")).collect()
    };
    let told = |mx: &str, hosts: &str| postfix("3.11").answer(&secure("d.example", mx, hosts)).to_string();
    let whole = told(&names(200), "?");
    assert!(whole.contains("policy_string") && whole.len() <= MAX_REPLY);
    // What is too long for reports is told without a word of them, and not with a policy_type that has no policy_string.
    for count in [500, 800] {
        let longer = told(&names(count), "?");
        assert!(longer.starts_with("OK secure match=n000.") && longer.ends_with(" servername=hostname"));
        assert_eq!(longer.matches(':').count(), count - 1);
    }
    // And without wildcards, which Postfix would take for any depth.
    let hosts = names(500);
    let wild = told(&format!("{} *.{}.example", names(500), "a".repeat(60)), &hosts);
    assert!(!wild.contains("policy_") && wild.matches(':').count() == 499, "{wild}");
    let too_long = "TEMP the MTA-STS policy in force is too long for Postfix";
    assert!(told("*.d.example", &names(1500)).starts_with("OK secure match=.d.example "));
    let old = postfix("3.7").answer(&secure("d.example", "*.d.example", &names(1500)));
    assert_eq!(old.to_string(), too_long);
    // To the byte: 999 names of 99 bytes, and one that fills up.
    let name = |label: usize| format!("{}.{}.example", "b".repeat(label), "c".repeat(60));
    let bare = "OK secure match= servername=hostname".len() + 999 * 100;
    for (last, fits) in [(MAX_REPLY - bare, true), (MAX_REPLY - bare + 1, false)] {
        let hosts = format!("{} {}.e", vec![name(30); 999].join(" "), "d".repeat(last - 2));
        let told = postfix("3.7").answer(&secure("d.example", "*.d.example", &hosts)).to_string();
        assert_eq!(told.len() == MAX_REPLY, fits);
        assert_eq!(told == too_long, !fits);
    }
}

#[test]
fn versions() {
    for (text, expected) in [
        ("3.10.5", Some((3, 10, 5))),
        ("3.11", Some((3, 11, 0))),
        ("3.11-20260101", Some((3, 11, 0))),
        ("3.10.3-2~bpo12+1", Some((3, 10, 3))),
        ("3", None),
        ("", None),
        ("x.1", None),
        ("99999.1", None),
    ] {
        let version = Version::parse(text).map(|v| (v.major, v.minor, v.patch));
        assert_eq!(version, expected, "{text}");
    }
}

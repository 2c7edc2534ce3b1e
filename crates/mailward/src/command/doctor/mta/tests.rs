//! Broken installations, each as what `postconf` would print of it.

use super::*;

/// A good Postfix beside the listener that there is by default.
const MAIN: &str = "\
mail_version = 3.7.11
queue_directory = /var/spool/postfix
mail_owner = postfix
smtpd_milters = { inet:127.0.0.1:8891, default_action=accept }
non_smtpd_milters = { inet:127.0.0.1:8891, default_action=tempfail }
milter_default_action = tempfail
milter_protocol = 6
milter_command_timeout = 30s
milter_content_timeout = 300s
internal_mail_filter_classes = bounce
smtpd_forbid_bare_newline = normalize
smtpd_sasl_auth_enable = no
smtpd_proxy_filter =
smtpd_discard_ehlo_keywords =
smtp_discard_ehlo_keywords =
smtputf8_enable = yes
header_size_limit = 102400
receive_override_options =
";
const SERVICES: &str = "\
smtp       inet  n       -       y       -       -       smtpd
pickup     unix  n       -       y       60      1       pickup
submission inet  n       -       y       -       -       smtpd
";
const OWN: &str = "\
submission/inet/smtpd_sasl_auth_enable = yes
submission/inet/smtpd_milters = { inet:127.0.0.1:8891, default_action=tempfail }
";

fn config(toml: &str) -> Config {
    let (config, findings) = Config::parse(toml, Path::new("/etc/mailward"));
    assert_eq!(findings, [], "{toml}");
    config
}

/// What is found, without what is good, as `severity code place`.
fn found(postfix: &Postfix, toml: &str, signs: bool) -> Vec<String> {
    let mut report = Report::default();
    look(&mut report, &Ok(postfix.clone()), &config(toml), signs);
    let all = report.0.iter().filter(|finding| finding.severity > Severity::Good);
    all.map(|finding| {
        assert!(!finding.help.is_empty() || finding.severity == Severity::Note, "{finding:?}");
        format!("{} {} {}", finding.severity.as_str(), finding.code, finding.place)
    })
    .collect()
}

/// Lines of main.cf in place of those of the same name, and lines about services; `-name` takes a line away.
#[track_caller]
fn check_with(toml: &str, signs: bool, lines: &str, own: &str, want: &[&str]) {
    let names: Vec<&str> =
        lines.lines().map(|line| line.split(" =").next().unwrap().trim_start_matches('-')).collect();
    let kept = MAIN.lines().filter(|line| !names.contains(&line.split(" =").next().unwrap()));
    let new = lines.lines().filter(|line| !line.starts_with('-'));
    let main: String = kept.chain(new).map(|line| format!("{line}\n")).collect();
    let postfix = Postfix::parse(&main, SERVICES, &format!("{OWN}{own}"));
    assert_eq!(found(&postfix, toml, signs), want, "{lines} {own}");
}

#[track_caller]
fn check(lines: &str, own: &str, want: &[&str]) {
    check_with("", true, lines, own, want);
}

const SMTPD: &str = "smtp/inet: smtpd_milters";
const SUBMISSION: &str = "master.cf: submission/inet: smtpd_milters";

#[test]
fn a_good_one() {
    check("", "", &[]);
    let mut report = Report::default();
    look(&mut report, &Ok(Postfix::parse(MAIN, SERVICES, OWN)), &config(""), true);
    let places: Vec<&str> = report.0.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(places, ["Postfix", "smtpd_forbid_bare_newline", SMTPD, SUBMISSION, "non_smtpd_milters"]);
}

#[test]
fn none_and_silent() {
    for (unknown, code, severity) in [
        (Unknown::NotInstalled, "postfix-none", Severity::Note),
        (Unknown::Failed("x".to_owned()), "postfix-silent", Severity::Warning),
    ] {
        let mut report = Report::default();
        look(&mut report, &Err(unknown), &config(""), true);
        assert_eq!((report.0[0].code, report.0[0].severity, report.0.len()), (code, severity, 1));
    }
}

#[test]
fn smug_01_ends_of_messages() {
    const NAME: &str = "smtpd_forbid_bare_newline";
    let main = format!("error postfix-smuggling smtp/inet: {NAME}");
    let submission = format!("error postfix-smuggling submission/inet: {NAME}");
    check(&format!("{NAME} = no"), "", &[&main, &submission]);
    let (main, submission) = (main.replace("error", "warning"), submission.replace("error", "warning"));
    check(&format!("{NAME} = note"), "", &[&main, &submission]);
    check(&format!("{NAME} = yes"), "", &[]);
    check(&format!("{NAME} = reject"), "", &[]);
    let own = format!("submission/inet/{NAME} = no\n");
    check("", &own, &["error postfix-smuggling master.cf: submission/inet: smtpd_forbid_bare_newline"]);
    let missing = format!("-{NAME}\nmail_version = 3.7.8");
    check(&missing, "", &["error postfix-smuggling smtpd_forbid_bare_newline"]);
    // It is the setting that counts: this version knows its first form, and distributions patch older ones.
    check("mail_version = 3.7.9", "", &[]);
    check("mail_version = 3.5.25", "", &["warning postfix-old Postfix"]);
    check("mail_version = 3.7.0", "", &[]);
}

#[test]
fn who_is_asked() {
    check("smtpd_milters = unix:other.sock", "", &[&format!("warning milter-not-here {SMTPD}")]);
    check("smtpd_milters =", "submission/inet/smtpd_milters =\n", &["error milter-absent smtpd_milters"]);
    check("", "submission/inet/smtpd_milters =\n", &[&format!("warning milter-not-here {SUBMISSION}")]);
    check(
        "",
        "submission/inet/receive_override_options = no_address_mappings,no_milters\n",
        &[&format!("warning milter-not-here {SUBMISSION}")],
    );
    check("smtpd_milters = inet:127.0.0.1:8892", "", &[&format!("warning milter-not-here {SMTPD}")]);
    check_with(
        "[[listener]]\nname = \"a\"\naddress = \"/var/spool/postfix/m/s\"",
        false,
        "smtpd_milters = { unix:m/s, default_action=accept }",
        "submission/inet/smtpd_milters = unix:/var/spool/postfix/m/s\n",
        &[],
    );
    let inner = format!("{SERVICES}127.0.0.1:10025 inet n - y - - smtpd\n");
    let postfix = Postfix::parse(MAIN, &inner, &format!("{OWN}127.0.0.1:10025/inet/smtpd_milters =\n"));
    assert_eq!(
        found(&postfix, "", true),
        ["note milter-not-here master.cf: 127.0.0.1:10025/inet: smtpd_milters"]
    );
    let none = Postfix::parse(MAIN, "pickup unix n - y 60 1 pickup\n", "");
    assert_eq!(found(&none, "", true), ["note postfix-no-smtpd master.cf"]);
}

#[test]
fn net_08_what_becomes_of_mail_while_we_are_away() {
    let line = |action: &str| format!("smtpd_milters = {{ inet:127.0.0.1:8891, default_action={action} }}");
    let enforce = "[policy]\nmode = \"enforce\"";
    let unchecked = format!("error milter-action-unchecked {SMTPD}");
    check_with(enforce, true, "", "", &[&unchecked]);
    check_with("[policy.recipients]\n\"a.example\" = \"quarantine\"", true, "", "", &[&unchecked]);
    for action in ["tempfail", "shutdown"] {
        check_with(enforce, true, &line(action), "", &[]);
    }
    check(&line("reject"), "", &[&format!("warning milter-action-reject {SMTPD}")]);
    check(&line("quarantine"), "", &[&format!("warning milter-action-quarantine {SMTPD}")]);
    let bare = "smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = accept";
    check_with(enforce, true, bare, "", &[&unchecked]);
    check(bare, "", &[]);
    let own = "submission/inet/smtpd_milters = { inet:127.0.0.1:8891, default_action=accept }\n";
    check("", own, &[&format!("error milter-action-unsigned {SUBMISSION}")]);
    check_with("", false, "", own, &[]);
    let local = "non_smtpd_milters = { inet:127.0.0.1:8891, default_action=accept }";
    check(local, "", &["error milter-action-unsigned non_smtpd_milters"]);
}

#[test]
fn white_space_that_ends_smtpd() {
    let line = "milters = { inet:127.0.0.1:8891, default_action = tempfail }";
    check(&format!("smtpd_{line}"), "", &[&format!("error milter-malformed {SMTPD}")]);
    check(&format!("non_smtpd_{line}"), "", &["error milter-malformed non_smtpd_milters"]);
}

#[test]
fn order() {
    let ours = "{ inet:127.0.0.1:8891, default_action=tempfail }";
    check(
        &format!("smtpd_milters = unix:rspamd.sock, {ours}"),
        "",
        &[&format!("warning milter-order {SMTPD}")],
    );
    check(&format!("smtpd_milters = {ours}, unix:rspamd.sock"), "", &[]);
    let own = format!("submission/inet/smtpd_milters = {ours}, unix:rspamd.sock\n");
    check("", &own, &[&format!("warning milter-order {SUBMISSION}")]);
    check("", &format!("submission/inet/smtpd_milters = unix:rspamd.sock, {ours}\n"), &[]);
    check(&format!("smtpd_milters = {ours}, unix:OpenDKIM/s"), "", &[&format!("note milter-twice {SMTPD}")]);
    check(&format!("smtpd_milters = {ours}, unix:opendmarc/s"), "", &[&format!("note milter-twice {SMTPD}")]);
    let local = format!("non_smtpd_milters = {ours}, unix:rspamd.sock");
    check(&local, "", &["warning milter-order non_smtpd_milters"]);
}

#[test]
fn how_it_is_asked() {
    let both = |code: &str| [format!("warning {code} {SMTPD}"), format!("warning {code} {SUBMISSION}")];
    let check_both = |lines: &str, code: &str| {
        let want = both(code);
        check(lines, "", &want.each_ref().map(String::as_str));
    };
    check_both("milter_protocol = 2", "milter-protocol");
    check_both("milter_protocol = 4, no_header_reply", "milter-protocol");
    check_both("milter_command_timeout = 29s", "milter-timeout");
    check_both("milter_content_timeout = 29", "milter-timeout");
    check("milter_content_timeout = 1m", "", &[]);
    check("milter_command_timeout = 30", "", &[]);
    let own =
        "smtpd_milters = { inet:127.0.0.1:8891, protocol=2, command_timeout=3s, default_action=tempfail }";
    check(
        own,
        "",
        &[&format!("warning milter-protocol {SMTPD}"), &format!("warning milter-timeout {SMTPD}")],
    );
    check(
        "",
        "smtp/inet/smtpd_proxy_filter = inet:127.0.0.1:10024\n",
        &[&format!("error milter-proxy {SMTPD}")],
    );
}

#[test]
fn mail_of_this_machine() {
    check("non_smtpd_milters =", "", &["warning milter-local-absent non_smtpd_milters"]);
    check_with("", false, "non_smtpd_milters =", "", &[]);
    check("internal_mail_filter_classes =", "", &["note bounces-unsigned internal_mail_filter_classes"]);
    check("internal_mail_filter_classes = notify, bounce", "", &[]);
    let inbound = "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:8891\"\nfor = \"inbound\"";
    check_with(inbound, true, "non_smtpd_milters =", "", &[]);
}

#[test]
fn forms_of_mail() {
    let own = "submission/inet/smtpd_discard_ehlo_keywords = dsn, 8BITMIME\n";
    check("", own, &["warning no-8bitmime master.cf: submission/inet: smtpd_discard_ehlo_keywords"]);
    let own = "submission/inet/smtpd_discard_ehlo_keywords = smtputf8\n";
    check("", own, &["note no-smtputf8 master.cf: submission/inet: smtpd_discard_ehlo_keywords"]);
    let out = "smtp_discard_ehlo_keywords = 8bitmime";
    check(out, "", &["warning no-8bitmime smtp_discard_ehlo_keywords"]);
    check_with("[signing]\nrelays_take_8bit = false", true, out, "", &[]);
    check_with("", false, out, "", &[]);
    check("smtputf8_enable = no", "", &["note no-smtputf8 smtputf8_enable"]);
    check("header_size_limit = 102399", "", &["warning header-size header_size_limit"]);
    check("header_size_limit = 0", "", &[]);
}

#[test]
fn times() {
    for (text, want) in [
        ("30", Some(30)),
        ("30s", Some(30)),
        ("2m", Some(120)),
        ("1h", Some(3600)),
        ("1d", Some(86_400)),
        ("1w", Some(604_800)),
        ("", None),
        ("s", None),
        ("1x", None),
        ("-1s", None),
    ] {
        assert_eq!(seconds(text), want, "{text}");
    }
}

const TLS: &str = "[dns]\ntrusted = true\n[tls_policy]\naddress = \"127.0.0.1:8892\"\n";
const ASKS: &str = "smtp_tls_policy_maps = hash:/etc/postfix/tls, socketmap:inet:127.0.0.1:8892:tls-policy\n\
    smtp_tls_security_level = may\nsmtp_dns_support_level =\nsmtp_tls_CAfile = /etc/ssl/x\nsmtp_tls_CApath =\n\
    tls_append_default_CA = no\nsmtp_tls_enforce_sts_mx_patterns = yes\nsmtp_host_lookup = dns\ndisable_dns_lookups = no\n\
    ignore_mx_lookup_error = no\nsmtp_dns_resolver_options =";

#[track_caller]
fn check_tls(toml: &str, lines: &str, want: &[&str]) {
    let names: Vec<&str> = lines.lines().map(|line| line.split(" =").next().unwrap()).collect();
    let kept = ASKS.lines().filter(|line| !names.contains(&line.split(" =").next().unwrap()));
    let all: Vec<&str> = kept.chain(lines.lines()).collect();
    check_with(&format!("{TLS}{toml}"), true, &all.join("\n"), "", want);
}

#[test]
fn tls_policies() {
    let maps = "error tls-absent smtp_tls_policy_maps";
    check("smtp_tls_policy_maps =", "", &[]);
    check_tls("", "", &[]);
    check_tls("", "smtp_tls_policy_maps = socketmap:inet:localhost:8892:tls-policy", &[]);
    check_tls("", "smtp_tls_policy_maps = proxy:socketmap:inet:localhost:8892:tls-policy", &[]);
    for other in
        ["", "socketmap:inet:127.0.0.1:8893:tls-policy", "socketmap:inet:127.0.0.1:8892:other", "hash:x"]
    {
        check_tls("", &format!("smtp_tls_policy_maps = {other}"), &[maps]);
    }
    let socket = "[tls_policy]\naddress = \"/var/spool/postfix/mailward/tls-policy.sock\"";
    let asks = ASKS.replace("inet:127.0.0.1:8892", "unix:mailward/tls-policy.sock");
    check_with(socket, true, &asks, "", &[]);
    check_tls("", "smtp_tls_security_level =", &["warning tls-none smtp_tls_security_level"]);
    check_tls("", "smtp_tls_CAfile =", &["error tls-no-authorities smtp_tls_CAfile"]);
    check_tls("", "smtp_tls_CAfile =\nsmtp_tls_CApath = /etc/ssl/certs", &[]);
    check_tls("", "smtp_tls_CAfile =\ntls_append_default_CA = yes", &[]);
}

#[test]
fn tls_policies_by_version() {
    let version = |severity: &str| format!("{severity} tls-version [tls_policy] postfix_version");
    for (told, found, severity) in [
        ("3.7", "3.7.11", ""),
        ("3.7", "3.10.3", "note"),
        ("3.10", "3.7.11", "error"),
        ("3.10.5", "3.10.3", "error"),
        ("3.10.3", "3.10.13", "note"),
        ("3.10.13", "3.11.1", ""),
    ] {
        let want = version(severity);
        let want: Vec<&str> = if severity.is_empty() { Vec::new() } else { vec![&want] };
        check_tls(&format!("postfix_version = \"{told}\""), &format!("mail_version = {found}"), &want);
    }
}

/// Where mail goes out.
const CLIENTS: &str = "smtp unix - - y - - smtp\nrelay unix - - n - - smtp\n";

#[test]
fn tls_policies_where_mail_goes_out() {
    let check = |maps: &str, own: &str, want: &[&str]| {
        let asks = ASKS.replace("socketmap:inet:127.0.0.1:8892:tls-policy", maps);
        let postfix =
            Postfix::parse(&format!("{MAIN}{asks}"), &format!("{SERVICES}{CLIENTS}"), &format!("{OWN}{own}"));
        let toml = "[tls_policy]\naddress = \"/var/spool/postfix/mailward/tls-policy.sock\"";
        assert_eq!(found(&postfix, toml, true), want, "{maps} {own}");
    };
    let inside = "socketmap:unix:mailward/tls-policy.sock:tls-policy";
    let outside = "socketmap:unix:/var/spool/postfix/mailward/tls-policy.sock:tls-policy";
    check(inside, "", &[]);
    check(outside, "", &["error tls-chroot master.cf: smtp/unix"]);
    check(&format!("proxy:{outside}"), "", &[]);
    check(inside, &format!("relay/unix/smtp_tls_policy_maps = {outside}\n"), &[]);
    check(
        inside,
        &format!("smtp/unix/smtp_tls_policy_maps = {outside}\n"),
        &["error tls-chroot master.cf: smtp/unix"],
    );
    let note = "note tls-not-here master.cf: relay/unix: smtp_tls_policy_maps";
    check(inside, "relay/unix/smtp_tls_policy_maps =\n", &[note]);
}

#[test]
fn tls_policies_by_what_the_site_does_for_all_domains() {
    const NAME: &str = "smtp_tls_security_level";
    let dane = "postfix_dane = true";
    let weaker = format!("warning tls-weaker {NAME}");
    let over = format!("warning tls-over-dane {NAME}");
    for (level, toml, want) in [
        ("may", "", None),
        ("may", dane, None),
        ("dane", dane, None),
        ("dane", "", Some(&over)),
        ("dane-only", "", Some(&over)),
        ("encrypt", "", None),
        ("secure", "", None),
        ("encrypt", dane, Some(&weaker)),
        ("verify", dane, Some(&weaker)),
        ("secure", dane, Some(&weaker)),
        ("fingerprint", dane, Some(&weaker)),
        ("dane-only", dane, Some(&weaker)),
    ] {
        let support = if toml.is_empty() { "" } else { "\nsmtp_dns_support_level = dnssec" };
        let want: Vec<&str> = want.into_iter().map(String::as_str).collect();
        check_tls(toml, &format!("{NAME} = {level}{support}"), &want);
    }
}

#[test]
fn sts_08_tls_policies_by_patterns() {
    const NAME: &str = "smtp_tls_enforce_sts_mx_patterns";
    let with = |version: &str, more: &str| format!("postfix_version = \"{version}\"\n{more}");
    let (new, old) = ("mail_version = 3.10.5\nsmtp_tls_enforce_sts_mx_patterns =", "mail_version = 3.10.3");
    let error = format!("error tls-patterns {NAME}");
    let note = format!("note tls-patterns {NAME}");
    check_tls(&with("3.10.5", ""), &format!("{new} yes"), &[]);
    check_tls(&with("3.10.5", ""), &format!("{new} no"), &[&error]);
    check_tls(&with("3.10.5", "postfix_mx_patterns = false"), &format!("{new} no"), &[]);
    check_tls(&with("3.10.5", "postfix_mx_patterns = false"), &format!("{new} yes"), &[&note]);
    // One that does not know it.
    check_tls(&with("3.10.3", ""), old, &[]);
    check_tls(&with("3.10.3", "postfix_mx_patterns = false"), old, &[]);
}

#[test]
fn tls_policies_by_dane() {
    const NAME: &str = "smtp_dns_support_level";
    check_tls("postfix_dane = true", "smtp_dns_support_level = dnssec", &[]);
    for level in ["", "enabled", "disabled"] {
        let want = format!("error tls-no-dane {NAME}");
        check_tls("postfix_dane = true", &format!("{NAME} = {level}"), &[&want]);
    }
    for (name, bad, good) in [
        ("smtp_host_lookup", "native", "native, dns"),
        ("disable_dns_lookups", "yes", "no"),
        ("ignore_mx_lookup_error", "yes", "no"),
        ("smtp_dns_resolver_options", "res_debug, res_dnsrch", "res_debug"),
    ] {
        let want = format!("error tls-no-dane {name}");
        let dnssec = "smtp_dns_support_level = dnssec";
        check_tls("postfix_dane = true", &format!("{dnssec}\n{name} = {bad}"), &[&want]);
        check_tls("postfix_dane = true", &format!("{dnssec}\n{name} = {good}"), &[]);
        check_tls("", &format!("{name} = {bad}"), &[]);
    }
    check_tls("", "smtp_dns_support_level = dnssec", &["note tls-dane-unused smtp_dns_support_level"]);
}

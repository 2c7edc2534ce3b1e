//! Real Postfix, the oldest and the newest that is supported: it takes the lines of `mailward init`, does with mail what
//! they say, and `mailward doctor` reads it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testkit::real::Root;
use testkit::real::postfix::{Postfix, version};
use testkit::real::smtp::Conversation;

use crate::place::{Place, Run};
use crate::site::{found, run_with};

/// A port of loopback at which nothing listens.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn lines(json: &serde_json::Value, key: &str) -> String {
    let lines = json["postfix"][key].as_array().unwrap();
    lines.iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect()
}

/// A `postconf` that runs that of a root, on the files of a folder in it.
fn postconf(place: &Place, root: &Root, folder: &Path) {
    let inside = Path::new("/").join(folder.strip_prefix(root.path()).unwrap());
    let script = format!(
        "#!/bin/sh\nexec /usr/sbin/chroot {} /usr/sbin/postconf -c {} \"$@\"\n",
        root.path().display(),
        inside.display()
    );
    let path = place.write("bin/postconf", script);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
}

fn doctor(place: &Place) -> Run {
    run_with(place, "doctor --config etc/mailward.toml --dns world.zone --json", &place.path("bin"))
}

/// What was found about Postfix.
fn found_of_postfix(place: &Place) -> Vec<String> {
    let (all, _) = found(&doctor(place));
    all.into_iter()
        .filter(|f| !["socket", "key", "resolver", "clock", "data", "store"].iter().any(|o| f.contains(o)))
        .collect()
}

fn site(address: SocketAddr, mode: &str) -> (Place, serde_json::Value) {
    let place = Place::new();
    place.write("world.zone", "example.com. IN TXT \"v=spf1 -all\"\n");
    let config = format!(
        "[[listener]]\nname = \"a\"\naddress = \"{address}\"\n[policy]\nmode = \"{mode}\"\n\
         [signing]\nkey_directory = \"keys\"\n"
    );
    place.write("etc/mailward.toml", config);
    let json = place.run("init --dir etc --domain example.com --dns world.zone --json").json();
    (place, json)
}

fn send(to: SocketAddr) -> String {
    let mut client = Conversation::open(to);
    client.say("EHLO client.example");
    client.message("a@client.example", &["b@receiver.test"], b"From: a@client.example\r\n\r\nHello.\r\n")
}

#[test]
fn net_08_the_lines_do_what_they_say() {
    for root in Root::all(&["postfix"]) {
        for (mode, answer) in [("observe", "250 "), ("enforce", "451 ")] {
            let (milter, submission) = (free(), free());
            let (place, json) = site(milter, mode);
            let service = format!(
                "{submission} inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=no\n{}",
                lines(&json, "master_cf_submission")
            );
            let main = lines(&json, "main_cf") + "smtpd_forbid_bare_newline = yes\n";
            let postfix = Postfix::start_with(&root, &main, &service);
            // Nobody listens at the milter's address: mail of users waits, mail from outside as the mode wants it.
            let (outside, users) = (send(postfix.addr), send(submission));
            assert!(outside.starts_with(answer), "{mode}: {outside}\n{}", postfix.log());
            assert!(users.starts_with("451 "), "{mode}: {users}\n{}", postfix.log());
            postconf(&place, &root, postfix.folder());
            assert_eq!(found_of_postfix(&place), Vec::<String>::new(), "Postfix {}", version(&root));
        }
    }
}

#[test]
fn what_is_broken_is_found() {
    for root in Root::all(&["postfix"]) {
        let (place, json) = site(free(), "enforce");
        let folder = root.work();
        postconf(&place, &root, folder.outside());
        let services =
            "smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n";
        let good = lines(&json, "main_cf") + "smtpd_forbid_bare_newline = yes\n";
        let milter = good.lines().next().unwrap().split(['{', ',']).nth(1).unwrap().trim().to_owned();
        let check = |main: &str, master: &str, want: &[&str]| {
            folder.write(
                "main.cf",
                format!("compatibility_level = 3.6\nmyhostname = mx.receiver.test\n{good}{main}"),
            );
            folder.write("master.cf", format!("{services}{master}"));
            assert_eq!(found_of_postfix(&place), want, "Postfix {}: {main}{master}", version(&root));
        };
        check("", "", &[]);
        check("smtpd_milters =\n", "", &["error milter-absent"]);
        check("", "  -o smtpd_milters=\n", &["warning milter-not-here"]);
        check("", "  -o receive_override_options=no_milters\n", &["warning milter-not-here"]);
        let own = format!("ours = {milter}\nsmtpd_milters = $ours\nmilter_default_action = accept\n");
        check(&own, "", &["error milter-action-unchecked", "error milter-action-unsigned"]);
        check(
            "smtpd_forbid_bare_newline = no\n",
            "",
            &["error postfix-smuggling", "error postfix-smuggling"],
        );
        let loose = format!("smtpd_milters = {{ {milter}, default_action = tempfail }}\n");
        check(&loose, "", &["error milter-malformed", "error milter-malformed"]);
        check("milter_protocol = 4\n", "", &["warning milter-protocol", "warning milter-protocol"]);
        let order =
            format!("  -o {{ smtpd_milters = {{ {milter}, default_action=tempfail }}, unix:rspamd }}\n");
        check("", &order, &["warning milter-order"]);
        check("", "  -o smtpd_proxy_filter=127.0.0.1:10024\n", &["error milter-proxy"]);
        check(
            "smtpd_discard_ehlo_keywords = 8bitmime\n",
            "",
            &["warning no-8bitmime", "warning no-8bitmime"],
        );
        check("header_size_limit = 4096\n", "", &["warning header-size"]);
        check("internal_mail_filter_classes =\n", "", &["note bounces-unsigned"]);
        check("non_smtpd_milters =\n", "", &["warning milter-local-absent"]);
        folder.write("main.cf", "smtpd_milters");
        std::fs::remove_file(folder.outside().join("master.cf")).unwrap();
        assert_eq!(found_of_postfix(&place), ["warning postfix-silent"], "{}", version(&root));
    }
}

#[test]
fn smug_01_the_defaults_of_each_version() {
    for root in Root::all(&["postfix"]) {
        let (place, json) = site(free(), "enforce");
        let folder = root.work();
        postconf(&place, &root, folder.outside());
        folder.write(
            "main.cf",
            format!("compatibility_level = 3.6\nmyhostname = mx.receiver.test\n{}", lines(&json, "main_cf")),
        );
        folder.write("master.cf", "smtp inet n - y - - smtpd\n");
        let is_new = !version(&root).starts_with("3.7.");
        let want: &[&str] = if is_new { &[] } else { &["error postfix-smuggling"] };
        assert_eq!(found_of_postfix(&place), want, "{}", version(&root));
    }
}

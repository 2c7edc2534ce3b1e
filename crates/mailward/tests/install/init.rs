//! What `mailward init` writes, and that it never writes over anything.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use testkit::real::not_run;

use crate::place::Place;

const ZONE: &str = "example.com. IN TXT \"v=spf1 -all\"\n_dmarc.example.com. IN TXT \"v=DMARC1; p=reject\"\n\
                    twice.example. IN TXT \"v=spf1 -all\"\ntwice.example. IN TXT \"v=spf1 +all\"\n";

#[test]
fn all_is_written_once() {
    let place = Place::new();
    place.write("world.zone", ZONE);
    let command = "init --dir etc --domain example.com --domain example.net --dns world.zone --json";
    let first = place.run(command);
    first.check(0, &[]);
    let json = first.json();
    assert_eq!((place.mode_of("etc/mailward.toml"), place.mode_of("etc/keys")), (0o640, 0o700));
    let files = json["files"].as_array().unwrap();
    assert_eq!((files.len(), json["keys"].as_array().unwrap().len()), (4, 4));
    let contents: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|file| {
            let name = file["file"].as_str().unwrap();
            assert!(file["written"].as_bool().unwrap() && json["config"]["written"].as_bool().unwrap());
            assert_eq!(place.mode_of(name), 0o600);
            (name.to_owned(), fs::read(place.path(name)).unwrap())
        })
        .collect();
    // Now somebody changes the file, and asks again for one domain more.
    let text = fs::read_to_string(place.path("etc/mailward.toml")).unwrap() + "# mine\n";
    assert!(text.contains("\nown_domains = [\"example.com\", \"example.net\"]\n"), "{text}");
    fs::write(place.path("etc/mailward.toml"), &text).unwrap();
    let json = place.run(&command.replace("--json", "--domain example.org --json")).json();
    let written = |json: &serde_json::Value| json["written"].as_bool().unwrap();
    let files: Vec<bool> = json["files"].as_array().unwrap().iter().map(written).collect();
    assert_eq!((written(&json["config"]), files), (false, vec![false, false, false, false, true, true]));
    assert_eq!(fs::read_to_string(place.path("etc/mailward.toml")).unwrap(), text);
    for (name, content) in contents {
        assert!(fs::read(place.path(&name)).unwrap() == content, "{name} is another");
    }
    place.run("config check --config etc/mailward.toml").check(0, &[]);
}

#[test]
fn records_that_are_there_are_left_alone() {
    let place = Place::new();
    place.write("world.zone", ZONE);
    let command = "init --dir etc --domain example.com --domain twice.example --dns world.zone";
    let json = place.run(&format!("{command} --json")).json();
    let got: Vec<String> = json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            format!("{} {} {}", r["name"].as_str().unwrap(), r["state"].as_str().unwrap(), r["suggestion"])
        })
        .collect();
    assert_eq!(
        got,
        [
            "example.com published null",
            "_dmarc.example.com published null",
            "twice.example several null",
            "_dmarc.twice.example missing \"v=DMARC1; p=none; rua=mailto:postmaster@twice.example\"",
        ]
    );
    place.run(command).prints(
        0,
        &[
            "_dmarc.twice.example. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@twice.example\"\n",
            "_domainkey.example.com. IN TXT",
            "twice.example: several records, so none of them counts: leave one",
        ],
    );
    let silent = place.run("init --dir etc --domain example.com --dns 127.0.0.1:1 --json");
    silent.check(0, &[]);
    assert_eq!(silent.json()["records"][0]["state"], "unknown");
}

#[test]
fn what_can_not_be_done_is_not_begun() {
    let place = Place::new();
    place.write("etc/mailward.toml", "[signing]\nkeys = 3\n");
    place.run("init --dir etc --domain example.com --dns 127.0.0.1:1").check(2, &["no such key"]);
    assert!(!place.path("etc/keys").exists());
    for (domain, why) in [("a..b", "a..b"), ("com", "no whole domain")] {
        place.run(&format!("init --dir new --domain {domain} --dns 127.0.0.1:1")).check(2, &[why]);
        assert!(!place.path("new").exists());
    }
    place.write("file", "");
    place.run("init --dir file --dns 127.0.0.1:1").check(2, &["can't be written"]);
    // A dangling link is something as well.
    std::os::unix::fs::symlink(place.path("nowhere"), place.path("dir-link.toml")).unwrap();
    fs::create_dir(place.path("linked")).unwrap();
    fs::rename(place.path("dir-link.toml"), place.path("linked/mailward.toml")).unwrap();
    place.run("init --dir linked").check(2, &[]);
    assert!(!place.path("nowhere").exists());
}

#[test]
fn the_socket_in_the_chroot() {
    let place = Place::new();
    place.run("init --dir etc --postfix-chroot").prints(
        0,
        &[
            "smtpd_milters = { unix:mailward/milter.sock, default_action=accept }\n",
            "install -d -o mailward -g postfix -m 2750 /var/spool/postfix/mailward\n",
            "No domain was named",
        ],
    );
}

/// systemd has nothing to say about it.
fn taken(place: &Place, unit: &str) {
    // The test's own program stands where the unit has that of the package.
    let path =
        place.write("mailward.service", unit.replace("/usr/bin/mailward", env!("CARGO_BIN_EXE_mailward")));
    let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else {
        return not_run("a test with systemd-analyze", "this machine has none");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("mailward")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn net_14_systemd_takes_the_unit() {
    let place = Place::new();
    let run = place.run("init --dir /etc/elsewhere --print-unit");
    run.prints(
        0,
        &["ExecStart=/usr/bin/mailward serve --config /etc/elsewhere/mailward.toml\n", "ExecReload="],
    );
    taken(&place, &run.text());
    assert!(!run.text().contains("InaccessiblePaths"));
}

#[test]
fn net_14_the_units_of_parts_without_keys_hide_them() {
    let place = Place::new();
    let run = place.run("init --print-unit --only tls-policy");
    let start = "ExecStart=/usr/bin/mailward serve --only tls-policy --config /etc/mailward/mailward.toml\n";
    run.prints(0, &["/mailward-tls-policy.service\n", start, "InaccessiblePaths=-/etc/mailward/keys\n"]);
    taken(&place, &run.text());
    assert!(!run.text().contains("ExecReload"), "it needs a restart");
    // Where the configuration has them.
    place.write(
        "mailward.toml",
        "[signing]\nkey_directory = '/srv/keys'\n[[signing.key]]\nfile = '/srv/key.pem'\ndomain = 'a.example'\nselector = 's'\n",
    );
    place.run("init --dir . --print-unit --only web,jobs").prints(
        0,
        &["/mailward-web-jobs.service\n", "InaccessiblePaths=-/srv/key.pem\nInaccessiblePaths=-/srv/keys\n"],
    );
    let run = place.run("init --print-unit --only milter,web,jobs");
    run.prints(0, &["/mailward.service\n", " serve --only milter,web,jobs --config ", "ExecReload="]);
    assert!(!run.text().contains("InaccessiblePaths"));
    place.run("init --only web").check(2, &["--print-unit"]);
}

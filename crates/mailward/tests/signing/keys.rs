//! `mailward keys new`, `keys list` and `mailward config`: what is made, what is found, and what is wrong with it.

use std::fs;

use serde_json::Value;

use crate::place::Place;

#[test]
fn new_keys_are_private_and_never_written_over_others() {
    let place = Place::new();
    let run = place.run("keys new Example.COM --out a/keys --json");
    run.check(0, &[]);
    let made = run.json()["made"].as_array().unwrap().clone();
    let kind = |key: &Value| (key["type"].as_str().unwrap().to_owned(), key["bits"].as_u64());
    assert_eq!(
        made.iter().map(kind).collect::<Vec<_>>(),
        [("rsa".to_owned(), Some(2048)), ("ed25519".to_owned(), None)]
    );
    for key in &made {
        let file = key["file"].as_str().unwrap();
        assert!(file.starts_with("a/keys/example.com/2") && file.ends_with(".pem"), "{file}");
        assert_eq!((key["mode"].as_str(), place.mode_of(file)), (Some("0600"), 0o600));
        assert!(fs::read_to_string(place.path(file)).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(key["fault"].is_null());
    }
    assert_eq!((place.mode_of("a/keys"), place.mode_of("a/keys/example.com")), (0o700, 0o700));
    let before = fs::read(place.path(made[0]["file"].as_str().unwrap())).unwrap();
    place.run("keys new example.com --out a/keys").check(2, &["no key is overwritten", "--selector"]);
    assert_eq!(fs::read(place.path(made[0]["file"].as_str().unwrap())).unwrap(), before);
    let names: Vec<_> = fs::read_dir(place.path("a/keys/example.com")).unwrap().collect();
    assert_eq!(names.len(), 2, "nothing else is left behind");
}

#[test]
fn of_two_keys_none_is_written_if_one_can_t_be() {
    let place = Place::new();
    place.write("keys/example.com/x-ed25519.pem", "mine");
    place
        .run("keys new example.com --out keys --selector x-%k")
        .check(2, &["x-ed25519.pem: there is a file"]);
    assert!(!place.path("keys/example.com/x-rsa.pem").exists());
    assert_eq!(fs::read(place.path("keys/example.com/x-ed25519.pem")).unwrap(), b"mine");
}

#[test]
fn kinds_and_selectors() {
    let place = Place::new();
    let made = |args: &str| {
        let run = place.run(&format!("keys new example.com --out keys --json {args}"));
        run.check(0, &[]);
        let all = run.json()["made"].as_array().unwrap().clone();
        let key = |k: &Value| {
            format!("{} {} {}", k["selector"].as_str().unwrap(), k["type"].as_str().unwrap(), k["bits"])
        };
        all.iter().map(key).collect::<Vec<_>>()
    };
    assert_eq!(made("--rsa --selector a"), ["a rsa 2048"]);
    assert_eq!(made("--rsa 3072 --selector b"), ["b rsa 3072"]);
    assert_eq!(made("--ed25519 --selector c.d"), ["c.d ed25519 null"]);
    assert_eq!(made("--rsa 2048 --ed25519 --selector e-%k"), ["e-rsa rsa 2048", "e-ed25519 ed25519 null"]);
    let wrong = |args: &str, said: &[&str]| {
        place.run(&format!("keys new {args} --out keys")).check(2, said);
    };
    wrong("example.com --rsa 1024", &["2048, 3072, 4096"]);
    wrong("example.com --selector same", &["both keys would have the selector same", "--selector same-%k"]);
    wrong("example.com --selector %H", &["%H is not known"]);
    wrong("example.com --ed25519 --selector ../../x", &["no selector"]);
    wrong("example", &["two labels"]);
    wrong("a@example.com", &["an e-mail address"]);
    wrong(&format!("{0}.{0}.{0}.{1}.example --ed25519", "x".repeat(63), "y".repeat(40)), &["is no name"]);
    assert!(!place.path("x.pem").exists());
}

#[test]
fn the_record_is_ready_to_paste() {
    let place = Place::new();
    let run = place.run("keys new example.com --out keys --selector 2026-%k");
    run.prints(
        0,
        &[
            "2026-rsa._domainkey.example.com. IN TXT (\n",
            "2026-ed25519._domainkey.example.com. IN TXT \"v=DKIM1; k=ed25519; p=",
        ],
    );
    let text = run.text();
    let strings = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    assert!(strings.clone().count() == 2 && strings.clone().all(|s| s.len() <= 255));
    assert!(
        text.contains(&format!("\n  {}\n", strings.collect::<String>())),
        "the plain value is the same: {text}"
    );
}

/// Every way in which a key file can be of no use; the others go on.
#[test]
fn faults_of_files() {
    let place = Place::new();
    place.run("keys new example.com --out keys --selector good-%k").check(0, &[]);
    let pem = fs::read_to_string(place.path("keys/example.com/good-rsa.pem")).unwrap();
    let record = place.run("keys list --keys keys --json").json()["keys"][0]["record"]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    for (name, content) in [
        ("truncated", &pem[..pem.len() / 2]),
        ("empty", ""),
        ("text", "hello"),
        ("record", record.as_str()),
        ("two", &format!("{pem}{pem}")),
        ("long", &"A".repeat(70_000)),
        ("good", &pem),
    ] {
        place.write(&format!("keys/bad.example/{name}.pem"), content);
    }
    fs::create_dir(place.path("keys/bad.example/directory.pem")).unwrap();
    for (mode, name) in [(0o604, "read"), (0o602, "write"), (0o620, "group")] {
        place.write(&format!("keys/bad.example/{name}.key"), &pem);
        place.mode(&format!("keys/bad.example/{name}.key"), mode);
    }
    place.write("keys/bad.example/group-reads.private", &pem);
    place.mode("keys/bad.example/group-reads.private", 0o640);
    place.write("keys/bad.example/README", "not a key, and nobody minds");
    place.write("keys/bad.example/good.key", &pem);
    place.write("keys/bad.example/a b.pem", &pem);
    place.write("keys/.hidden/a.pem", &pem);
    place.write("keys/com/a.pem", &pem);
    place.write("keys/a b/a.pem", &pem);
    place.write("keys/alone.pem", &pem);
    let run = place.run("keys list --keys keys --json");
    run.check(1, &[]);
    let json = run.json();
    let keys = json["keys"].as_array().unwrap();
    let fault = |selector: &str| {
        let key =
            keys.iter().find(|key| key["selector"] == selector && key["domain"] == "bad.example").unwrap();
        key["fault"].as_str().unwrap_or("none").to_owned()
    };
    for (selector, want) in [
        ("truncated", "the key is cut off"),
        ("empty", "the file is empty"),
        ("text", "not a private key"),
        ("record", "this is the record for the DNS"),
        ("two", "more than one private key"),
        ("long", "larger than 65536 bytes"),
        ("directory", "not a file"),
        (
            "read",
            "everybody on this machine may read it, by its mode 0604: chmod 600 keys/bad.example/read.key",
        ),
        ("write", "everybody on this machine may write it"),
        ("group", "its group may write it"),
        ("group-reads", "none"),
        ("good", "none"),
    ] {
        assert!(fault(selector).contains(want), "{selector}: {}", fault(selector));
    }
    assert_eq!(keys.len(), 14);
    let fault = |fault: &Value| {
        format!("{}: {}", fault["file"].as_str().unwrap(), fault["message"].as_str().unwrap())
    };
    let faults: Vec<String> = json["faults"].as_array().unwrap().iter().map(fault).collect();
    for want in [
        "keys/bad.example/a b.pem: left out: its name is no selector",
        "keys/bad.example/good.pem: left out: another file here is the key good of bad.example already",
        "keys/com: the name of the directory is no domain, so its keys are left out: a whole domain has",
        "keys/a b: the name of the directory is no domain",
        "keys/alone.pem: a key of no domain",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(want)), "{want:?} is not in {faults:?}");
    }
    assert_eq!(json["faults"].as_array().unwrap().len(), 5);
    let run = place.run("keys list example.com --keys keys");
    run.prints(1, &["good-rsa", "RSA, 2048 bits", "0600", "today"]);
    assert!(!run.text().contains("truncated"));
    place
        .run("keys list example.net --keys keys")
        .check(2, &["no key of this domain", "mailward keys new example.net"]);
    place.run("keys list --keys nowhere").check(2, &["nowhere: no such file or directory"]);
}

#[test]
fn the_configuration_is_checked_with_its_keys() {
    let place = Place::new();
    place.run("keys new example.com --out keys --selector a-%k").check(0, &[]);
    place.write("c.toml", "[signing]\nkey_directory = \"keys\"\n");
    let run = place.run("config check --config c.toml");
    run.prints(
        0,
        &["no rule  example.com    example.com  a-ed25519 a-rsa", "The configuration is in order."],
    );
    let json = place.run("config check --config c.toml --json").json();
    assert_eq!((&json["valid"], &json["own_mail"][0]), (&true.into(), &"example.com".into()));
    assert_eq!(json["keys"].as_array().unwrap().len(), 2);

    place.write(
        "c.toml",
        "[signing]\nkey_directory = \"keys\"\ntimestmp = true\n[[signing.rule]]\nfrom = [\"a b\"]\n",
    );
    place.run("config check --config c.toml").prints(
        1,
        &[
            "no such key [signing]: timestmp",
            " --> c.toml:3:1",
            "3 | timestmp = true",
            "did you mean timestamp?",
            " --> c.toml:5:9",
            "There are 2 mistakes in the file.",
        ],
    );
    let json = place.run("config check --config c.toml --json").json();
    let places: Vec<_> = json["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["line"].as_u64(), m["column"].as_u64()))
        .collect();
    assert_eq!(places, [(Some(3), Some(1)), (Some(5), Some(9))]);

    place.write(
        "c.toml",
        "[signing]\nkey_directory = \"keys\"\n[[signing.key]]\ndomain = \"example.net\"\nselector = \"k\"\nfile = \"gone.pem\"\n\
         [[signing.rule]]\nfrom = \"*\"\ndomain = \"relay.example\"\n[[signing.rule]]\nfrom = \"example.com\"\nselectors = [\"b\"]\n",
    );
    place.run("config check --config c.toml").prints(
        1,
        &[
            "rule 1: there is no key of relay.example",
            "rule 2: there is no key b that it could sign with",
            "gone.pem: no such file (key k of example.net)",
            "rule 1   *",
            "There are 2 mistakes in the file.",
        ],
    );
    place.write("c.toml", "[signing]\nkey_directory = \"elsewhere\"\n");
    place
        .run("config check --config c.toml")
        .prints(1, &["elsewhere: no such file", "not all keys can be used"]);
    place.run("config check --config nowhere.toml").check(2, &["nowhere.toml: no such file"]);
    place.write("c.toml", b"[signing]\n# \xff\n");
    place.run("config check --config c.toml").check(2, &["c.toml:2:3: a byte that is not UTF-8"]);
}

#[test]
fn the_sample_is_a_good_configuration() {
    let place = Place::new();
    let sample = place.run("config sample");
    place.write("c.toml", sample.check(0, &[]).text());
    place.run("config check --config c.toml").prints(0, &["The configuration is in order."]);
}

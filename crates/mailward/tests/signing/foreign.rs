//! Key files that other programs made: they sign, and what they sign verifies; those that can't are told apart.

use std::path::Path;
use std::process::Command;

use testkit::real::{Root, Work, output};

use crate::place::Place;

/// Runs a program of the root in the work folder.
fn made_by(root: &Root, work: &Work, program: &str, args: &str) {
    let mut command: Command = root.command(program);
    command.args(args.replace("DIR", &work.inside().display().to_string()).split_whitespace());
    let _ = output(command, b"");
}

/// Copies a key of the work folder to the place.
fn take(place: &Place, work: &Work, from: &str, to: &str) {
    place.write(to, work.read(from));
}

#[test]
fn keys_of_openssl_opendkim_and_dkimpy_sign() {
    let Some(root) = Root::find(&["openssl", "opendkim-genkey", "dknewkey"]) else { return };
    let (work, place) = (root.work(), Place::new());
    made_by(&root, &work, "openssl", "genrsa -out DIR/pkcs8.pem 2048");
    made_by(&root, &work, "openssl", "genrsa -traditional -out DIR/pkcs1.pem 2048");
    made_by(&root, &work, "openssl", "genpkey -algorithm ed25519 -out DIR/ed.pem");
    made_by(&root, &work, "openssl", "pkey -in DIR/pkcs8.pem -outform DER -out DIR/der.key");
    made_by(&root, &work, "opendkim-genkey", "-b 2048 -d example.com -s mail -D DIR");
    made_by(&root, &work, "dknewkey", "--ktype ed25519 DIR/dkimpy");
    made_by(&root, &work, "dknewkey", "--ktype rsa DIR/dkimpyrsa");
    for (from, to) in [
        ("pkcs8.pem", "pkcs8.pem"),
        ("pkcs1.pem", "pkcs1.pem"),
        ("ed.pem", "ed.pem"),
        ("der.key", "der.key"),
        ("mail.private", "mail.private"),
        ("dkimpy.key", "dkimpy.key"),
        ("dkimpyrsa.key", "dkimpyrsa.key"),
    ] {
        take(&place, &work, from, &format!("keys/example.com/{to}"));
    }
    let list = place.run("keys list --keys keys --json");
    list.check(0, &[]);
    let keys = list.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 7);
    let zone: String = keys.iter().map(|key| key["record"]["zone"].as_str().unwrap().to_owned()).collect();
    place.write("w.zone", zone);
    place.write("c.toml", "[signing]\nkey_directory = \"keys\"\n");
    let signed = place.pipe("sign --config c.toml", b"From: a@example.com\r\n\r\nbody\r\n");
    signed.check(0, &[]);
    let verdict = place.pipe("verify --dns w.zone --json -", &signed.out).json();
    let passed = verdict["dkim"].as_array().unwrap().iter().filter(|s| s["result"] == "pass").count();
    assert_eq!(passed, 7, "{verdict}");
}

#[test]
fn keys_that_can_t_sign_say_what_they_are() {
    let Some(root) = Root::find(&["openssl"]) else { return };
    let (work, place) = (root.work(), Place::new());
    made_by(&root, &work, "openssl", "genrsa -out DIR/short.pem 1024");
    made_by(&root, &work, "openssl", "genrsa -aes128 -passout pass:secret -out DIR/locked.pem 2048");
    made_by(
        &root,
        &work,
        "openssl",
        "genrsa -traditional -aes128 -passout pass:secret -out DIR/locked1.pem 2048",
    );
    made_by(
        &root,
        &work,
        "openssl",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out DIR/ec.pem",
    );
    made_by(&root, &work, "openssl", "genpkey -algorithm x25519 -out DIR/x.pem");
    made_by(&root, &work, "openssl", "genrsa -out DIR/good.pem 2048");
    made_by(&root, &work, "openssl", "pkey -in DIR/good.pem -pubout -out DIR/public.pem");
    let wanted = [
        ("ec", "a key of the type", false),
        ("good", "", false),
        ("locked", "the key is encrypted", false),
        ("locked1", "the key is encrypted", false),
        ("public", "this is a public key", false),
        ("short", "an RSA key of 1024 bits is too short to sign with", true),
        ("x", "a key of the type", true),
    ];
    for (name, ..) in wanted {
        take(&place, &work, &format!("{name}.pem"), &format!("keys/example.com/{name}.pem"));
    }
    let run = place.run("keys list --keys keys --json");
    run.check(1, &[]);
    let json = run.json();
    for (key, (name, fault, new)) in json["keys"].as_array().unwrap().iter().zip(wanted) {
        assert_eq!(key["selector"], name);
        assert!(key["fault"].as_str().unwrap_or_default().contains(fault), "{key}");
        assert_eq!(key["fault"].is_null(), fault.is_empty(), "{key}");
        let help = key["help"].as_str().unwrap_or_default();
        let want = if name == "short" { " --rsa 2048 --out keys" } else { " --out keys" };
        assert!(
            !new || help == format!("a new key for example.com: mailward keys new example.com{want}"),
            "{key}"
        );
    }
    // RSA below 2048: the domain and the command are named where it matters.
    place.write("c.toml", "[signing]\nkey_directory = \"keys\"\n");
    let message = b"From: a@example.com\r\n\r\nbody\r\n";
    let signed = place.pipe("sign --config c.toml", message);
    signed.check(
        0,
        &[
            "short.pem: an RSA key of 1024 bits is too short",
            "(key short of example.com)",
            "mailward keys new example.com --rsa 2048 --out keys",
        ],
    );
    assert_eq!(signed.text().matches("DKIM-Signature").count(), 1);
    let short = "--key keys/example.com/short.pem --domain example.com --selector short";
    place.pipe(&format!("sign {short}"), message).check(2, &["too short", "mailward keys new example.com"]);
    assert!(Path::new(&place.path("keys")).exists());
}

#[test]
fn openssl_reads_the_keys_that_are_made_here() {
    let Some(root) = Root::find(&["openssl"]) else { return };
    let (work, place) = (root.work(), Place::new());
    place.run("keys new example.com --out keys --selector s-%k").check(0, &[]);
    for (name, words) in [("s-rsa", "Private-Key: (2048 bit"), ("s-ed25519", "ED25519 Private-Key")] {
        let pem = std::fs::read(place.path(&format!("keys/example.com/{name}.pem"))).unwrap();
        let inside = work.write(name, pem);
        let mut command = root.command("openssl");
        command.args(["pkey", "-noout", "-text", "-in"]).arg(inside);
        let text = String::from_utf8(output(command, b"")).unwrap();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn rspamd_s_forms_of_ed25519() {
    let place = Place::new();
    // Seed and public key of RFC 8463 §A.2, as rspamd writes them: the seed, and both together.
    let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    let both = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
    place.write("keys/example.com/seed.key", seed);
    place.write("keys/example.com/both.key", format!("{both}\n"));
    let run = place.run("keys list --keys keys --json");
    run.check(0, &[]);
    let json = run.json();
    for key in json["keys"].as_array().unwrap() {
        let record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert_eq!(key["record"]["value"], record);
    }
}

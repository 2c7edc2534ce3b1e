//! Installations that are broken on the disk: sockets, rights, keys.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;

use crate::place::Place;
use crate::site::{found, postconf, run, settings};

/// What never is the matter here: there are no data yet, there is a zone in place of a resolver, and nobody says anything
/// about the clock.
const USUAL: [&str; 4] =
    ["note data-none", "note store-none", "note resolver-not-asked", "note clock-unknown"];

#[track_caller]
fn check(place: &Place, code: i32, want: &[&str]) {
    place.write("world.zone", "example.com. IN TXT \"v=spf1 -all\"\n");
    let (mut got, ended) = found(&run(place, "doctor --config etc/mailward.toml --dns world.zone --json"));
    for usual in USUAL {
        let at = got.iter().position(|found| found == usual).unwrap_or_else(|| panic!("{usual}: {got:?}"));
        got.remove(at);
    }
    assert_eq!((got.iter().map(String::as_str).collect::<Vec<_>>(), ended), (want.to_vec(), code));
}

fn config(place: &Place, address: &str, more: &str) {
    let listener = format!("[[listener]]\nname = \"a\"\naddress = \"{address}\"\n");
    place.write("etc/mailward.toml", format!("{listener}{more}"));
}

/// A place through which everybody may pass, with a socket in it.
fn with_socket() -> (Place, UnixListener) {
    let place = Place::new();
    place.mode("", 0o755);
    fs::create_dir(place.path("run")).unwrap();
    let socket = place.path("run/milter.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    chown(&socket, Some(65_534), None).unwrap();
    place.mode("run/milter.sock", 0o600);
    let path = socket.display().to_string();
    config(&place, &path, "");
    let queue = format!("queue_directory = {}\n", place.path("").display());
    postconf(
        &place,
        &settings("unix:run/milter.sock").replace("queue_directory = /var/spool/postfix\n", &queue),
    );
    (place, listener)
}

#[test]
fn sockets() {
    let none = "note keys-none";
    let (place, listener) = with_socket();
    let nobody = fs::read_to_string("/etc/passwd").is_ok_and(|passwd| passwd.contains("\nnobody:x:65534:"));
    assert!(nobody, "the test takes nobody for Postfix");
    check(&place, 0, &[none]);
    // connect(2) takes the right to write.
    place.mode("run/milter.sock", 0o577);
    check(&place, 1, &["warning socket-open", "error socket-barred", none]);
    place.mode("run/milter.sock", 0o666);
    check(&place, 0, &["warning socket-open", none]);
    place.mode("run", 0o750);
    check(&place, 1, &["error socket-barred", none]);
    chown(place.path("run"), None, Some(65_534)).unwrap();
    check(&place, 0, &[none]);
    drop(listener);
    check(&place, 1, &["error socket-closed", none]);
    fs::remove_file(place.path("run/milter.sock")).unwrap();
    check(&place, 1, &["error socket-closed", none]);
    fs::write(place.path("run/milter.sock"), "").unwrap();
    check(&place, 1, &["error socket-not", none]);
    fs::remove_dir_all(place.path("run")).unwrap();
    check(&place, 1, &["error socket-no-folder", none]);
}

#[test]
fn a_socket_that_a_chroot_hides() {
    let (place, _listener) = with_socket();
    let path = place.path("run/milter.sock");
    postconf(&place, &settings(&format!("unix:{}", path.display())));
    check(&place, 0, &["note socket-outside", "note keys-none"]);
}

#[test]
fn net_18_over_tcp() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    config(&place, &address, "");
    postconf(&place, &settings(&format!("inet:{address}")));
    check(&place, 0, &["note keys-none"]);
    drop(listener);
    check(&place, 1, &["error socket-closed", "note keys-none"]);
    let all = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = all.local_addr().unwrap().port();
    config(&place, &format!("0.0.0.0:{port}"), "[web]\naddress = \"[::]:8890\"\n");
    postconf(&place, &settings(&format!("inet:127.0.0.1:{port}")));
    check(&place, 0, &["note web-network", "note socket-network", "note keys-none"]);
}

#[test]
fn rights_and_keys() {
    let place = Place::new();
    place.mode("", 0o755);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    config(&place, &address, "[signing]\nkey_directory = \"keys\"\n");
    postconf(&place, &settings(&format!("inet:{address}")));
    place.run("keys new example.com --out etc/keys --ed25519 --selector s").check(0, &[]);
    let unpublished = "error key-unpublished";
    check(&place, 1, &[unpublished]);
    place.mode("etc/mailward.toml", 0o660);
    place.mode("etc/keys", 0o777);
    check(&place, 1, &["error rights-open", "error rights-open", unpublished]);
    place.mode("etc/mailward.toml", 0o640);
    place.mode("etc/keys", 0o755);
    let key = "etc/keys/example.com/s.pem";
    place.mode(key, 0o644);
    check(&place, 1, &["error key-unusable", unpublished]);
    place.mode(key, 0o600);
    place.write("etc/keys/s.pem", "");
    check(&place, 1, &["error keys-left-out", unpublished]);
    fs::remove_file(place.path("etc/keys/s.pem")).unwrap();
    // A user to whom the key does not belong; then it does, and the folders are shut.
    let user = "[daemon]\nuser = \"nobody\"\n[signing]\nkey_directory = \"keys\"\n";
    config(&place, &address, user);
    place.mode("etc/mailward.toml", 0o644);
    fs::set_permissions(place.path("etc/keys/example.com"), PermissionsExt::from_mode(0o755)).unwrap();
    check(&place, 1, &["error key-unreadable", unpublished]);
    chown(place.path(key), Some(65_534), None).unwrap();
    check(&place, 1, &[unpublished]);
    place.mode("etc/mailward.toml", 0o640);
    check(&place, 1, &["error config-unreadable", unpublished]);
    place.mode("etc/mailward.toml", 0o644);
    place.mode("etc/keys/example.com", 0o700);
    check(&place, 1, &["error key-unreadable", unpublished]);
}

#[test]
fn net_14_keys_where_parts_without_keys_read() {
    let place = Place::new();
    place.write("world.zone", "example.com. IN TXT \"v=spf1 -all\"\n");
    fs::create_dir_all(place.path("etc/data/keys")).unwrap();
    for (keys, is_found) in [("data/keys", true), ("keys", false)] {
        let more = format!("[store]\npath = \"data\"\n[signing]\nkey_directory = \"{keys}\"\n");
        config(&place, "127.0.0.1:1", &more);
        let (got, _) = found(&run(&place, "doctor --config etc/mailward.toml --dns world.zone --json"));
        assert_eq!(got.contains(&"note keys-in-data".to_owned()), is_found, "{got:?}");
    }
}

/// What is found of the data.
#[track_caller]
fn check_data(place: &Place, want: &[&str]) {
    let (got, _) = found(&run(place, "doctor --config etc/mailward.toml --dns world.zone --json"));
    let got: Vec<&String> =
        got.iter().filter(|found| found.contains(" data-") || found.contains(" store-")).collect();
    assert_eq!(got, want);
}

#[test]
fn data_and_database() {
    let place = Place::new();
    place.mode("", 0o755);
    place.write("world.zone", "example.com. IN TXT \"v=spf1 -all\"\n");
    let with = |more: &str| {
        let user = "[daemon]\nuser = \"nobody\"\n[store]\npath = \"../data\"\n";
        config(&place, "127.0.0.1:1", &format!("{user}{more}"));
    };
    with("");
    check_data(&place, &["note data-none", "note store-none"]);
    let data = place.path("data");
    fs::write(&data, "").unwrap();
    check_data(&place, &["error data-not", "warning store-hidden"]);
    fs::remove_file(&data).unwrap();
    fs::create_dir(&data).unwrap();
    place.mode("data", 0o755);
    check_data(&place, &["error data-unwritable", "warning data-open", "note store-none"]);
    chown(&data, Some(65_534), None).unwrap();
    place.mode("data", 0o700);
    check_data(&place, &["note store-none"]);
    let file = data.join("mailward.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = store::Store::new(&store::Place::Sqlite(file.clone())).unwrap();
        store.migrate_to(1, mail::UnixTime(0)).await.unwrap();
        store.close().await;
    });
    check_data(&place, &["error store-unwritable"]);
    chown(&file, Some(65_534), None).unwrap();
    check_data(&place, &["note store-older"]);
    runtime.block_on(async {
        let store = store::Store::new(&store::Place::Sqlite(file.clone())).unwrap();
        store.migrate(mail::UnixTime(0)).await.unwrap();
        store.close().await;
    });
    check_data(&place, &[]);
    let owner =
        |name: &str| fs::metadata(data.join(name)).map(|file| std::os::unix::fs::MetadataExt::uid(&file));
    assert!(owner("mailward.db").is_ok_and(|user| user == 65_534));
    // What a look as root leaves behind would lock mailward out.
    for name in ["mailward.db-wal", "mailward.db-shm"] {
        assert!(owner(name).map_or(true, |user| user == 65_534), "{name}");
    }
    fs::write(
        &file,
        "this is no database, and longer than the head of one, so that it is seen for sure: ".repeat(9),
    )
    .unwrap();
    check_data(&place, &["error store-away"]);
    with("url = \"postgres://nobody@127.0.0.1:1/x?sslmode=disable\"\n");
    check_data(&place, &["error store-away"]);
}

#[test]
fn published_keys_are_good() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    config(&place, &address, "[signing]\nkey_directory = \"keys\"\n");
    postconf(&place, &settings(&format!("inet:{address}")));
    let made = place.run("keys new example.com --out etc/keys --ed25519 --selector s --json").json();
    place.write("keys.zone", made["made"][0]["record"]["zone"].as_str().unwrap());
    let run = run(&place, "doctor --config etc/mailward.toml --dns keys.zone");
    run.prints(
        0,
        &[
            "good     s._domainkey.example.com: published as it is on the disk\n",
            "good     smtp/inet: smtpd_milters: Postfix asks mailward\n",
            "\nAll is well.\n",
        ],
    );
}

#[test]
fn a_configuration_with_a_mistake_ends_it() {
    let place = Place::new();
    place.write("etc/mailward.toml", "[policy]\nmode = \"block\"\n");
    run(&place, "doctor --config etc/mailward.toml").check(2, &["etc/mailward.toml:2:8"]);
}

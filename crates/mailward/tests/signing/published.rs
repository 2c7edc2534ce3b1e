//! `mailward keys check` against zones: in a file, and on real name servers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use serde_json::Value;
use testkit::real::{Root, Running, Work, knot, not_run};

use crate::place::Place;

/// Keys of example.com and the lines that publish them.
fn site() -> (Place, String, String) {
    let place = Place::new();
    let run = place.run("keys new example.com --out keys --selector k-%k --json");
    run.check(0, &[]);
    let line = |index: usize| run.json()["made"][index]["record"]["zone"].as_str().unwrap().to_owned();
    (place, line(0), line(1))
}

/// The result for each key in their order: `published good`, with the notes behind it.
fn results(place: &Place, dns: &str) -> (i32, Vec<String>) {
    let run = place.run(&format!("keys check --keys keys --dns {dns} --json"));
    assert_eq!(run.err, "");
    let server = |s: &Value| {
        let notes: Vec<&str> = s["notes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        format!("{} {} {}", s["published"].as_str().unwrap(), s["good"], notes.join(", ")).trim().to_owned()
    };
    let json = run.json();
    let keys = json["checked"].as_array().unwrap().iter();
    let all = keys.flat_map(|key| key["servers"].as_array().unwrap().iter().map(server).collect::<Vec<_>>());
    (run.code, all.collect())
}

#[test]
fn every_difference_is_told() {
    let (place, rsa, ed) = site();
    let name = "k-ed25519._domainkey.example.com. IN TXT";
    let other = place.run("keys new example.com --out others --ed25519 --selector o --json").json();
    let other = other["made"][0]["record"]["value"].as_str().unwrap();
    let value = ed.split('"').nth(1).unwrap().to_owned();
    for (record, code, want) in [
        (ed.clone(), 0, "same true"),
        (String::new(), 1, "missing false"),
        (format!("{name} \"{other}\"\n"), 1, "other-key false"),
        (format!("{name} \"v=DKIM1; k=ed25519; p=\"\n"), 1, "revoked false"),
        (format!("{name} \"hello\"\n"), 1, "not-a-key false"),
        (format!("{ed}{name} \"{other}\"\n"), 1, "several false"),
        (format!("{name} \"{value}; t=y\"\n"), 0, "same true t=y: the domain is testing DKIM"),
        (format!("{name} \"{value}; h=sha1\"\n"), 1, "same false"),
        (format!("{name} \"{value}; s=tlsrpt\"\n"), 1, "same false"),
        (format!("{name} \"{}\"\n", value.replace("k=ed25519", "k=rsa")), 1, "not-a-key false"),
    ] {
        place.write("w.zone", format!("{rsa}{record}"));
        let (exit, got) = results(&place, "w.zone");
        assert_eq!((exit, got.len(), &*got[1]), (code, 2, "same true"), "{record}");
        assert!(got[0].starts_with(want), "{record}: {got:?}");
    }
    place.write("w.zone", format!("{rsa}{name} \"v=DKIM1; p=\"\n"));
    place.run("keys check --keys keys --dns w.zone").prints(
        1,
        &["k-rsa._domainkey.example.com\n", "w.zone  the key on the disk", "the key is revoked: p= is empty"],
    );
    place.run("keys check example.com --keys keys --dns 192.0.2.x").check(2, &["it is no server"]);
}

#[test]
fn an_rsa_key_may_be_published_in_either_form() {
    let (place, rsa, ed) = site();
    // SubjectPublicKeyInfo of RSA-2048 has 24 bytes, 32 characters, in front of RSAPublicKey.
    let value: String = rsa.split('"').skip(1).step_by(2).collect();
    let (front, spki) = value.split_once("p=").unwrap();
    let short = format!(
        "k-rsa._domainkey.example.com. IN TXT ( \"{front}p={}\" \"{}\" )\n",
        &spki[32..200],
        &spki[200..]
    );
    place.write("w.zone", format!("{short}{ed}"));
    let (code, got) = results(&place, "w.zone");
    assert!(code == 0 && got[1].starts_with("same true"), "{got:?}");
}

#[test]
fn a_key_without_a_file_is_not_compared() {
    let (place, rsa, _) = site();
    place.write("keys/example.com/k-ed25519.pem", "nothing");
    place.write("w.zone", rsa);
    place
        .run("keys check --keys keys --dns w.zone")
        .prints(1, &["not compared: there is no key in the file", "not a private key"]);
}

/// A resolver that knows of two name servers, of which one has not heard of the new key.
#[test]
fn each_name_server_is_asked() {
    let (place, rsa, ed) = site();
    let soa = ". 60 IN SOA a.root. b.root. 1 60 60 60 60\n. 60 IN NS a.root.\n";
    let revoked = "k-rsa._domainkey.example.com. 60 IN TXT \"v=DKIM1; p=\"\n";
    let (Some(good), Some(old)) = (knot(&format!("{soa}{rsa}{ed}")), knot(&format!("{soa}{ed}{revoked}")))
    else {
        return;
    };
    let Some((_unbound, dns)) = resolver(&format!(
        "local-data: \"example.com. NS ns1.example.com.\"\nlocal-data: \"example.com. NS ns2.example.com.\"\n\
         local-data: \"ns1.example.com. A {}\"\nlocal-data: \"ns2.example.com. A {}\"\n",
        good.addr.ip(),
        old.addr.ip(),
    )) else {
        return;
    };
    if good.addr.port() != 53 || old.addr.port() != 53 {
        return not_run("keys check against name servers", "port 53 is in use on this machine");
    }
    let (code, got) = results(&place, &dns);
    assert_eq!((code, got.join("; ")), (1, "same true; same true; same true; revoked false".to_owned()));
    let run = place.run(&format!("keys check --keys keys --dns {dns}"));
    let first = format!("ns1.example.com ({})  the key on the disk", good.addr.ip());
    run.prints(1, &[&first, "the key is revoked: p= is empty"]);
    let nowhere = Place::new();
    nowhere.run("keys new example.net --out keys").check(0, &[]);
    nowhere
        .run(&format!("keys check --keys keys --dns {dns}"))
        .prints(2, &["no zone above this name has name servers: is the domain registered?"]);
}

/// An unbound that knows these data and nothing else, and its address.
fn resolver(data: &str) -> Option<((Running, Work), String)> {
    let (root, address) = (Root::find(&["unbound"])?, free());
    let work = root.work();
    let conf = format!(
        "server:\nchroot: \"\"\nusername: \"\"\npidfile: \"\"\nuse-syslog: no\nlogfile: \"\"\ndo-daemonize: no\n\
         directory: \"{}\"\ninterface: {}@{}\nmodule-config: \"iterator\"\nnum-threads: 1\n\
         local-zone: \".\" static\n{data}",
        work.inside().display(),
        address.ip(),
        address.port(),
    );
    let conf = work.write("unbound.conf", conf);
    let mut command = root.command("unbound");
    command.args(["-d", "-c"]).arg(conf);
    let mut running = Running::start(command, &work);
    running.wait_until_answers(|| TcpStream::connect(address).is_ok());
    Some(((running, work), address.to_string()))
}

/// A port of loopback at which nothing listens, over UDP and TCP.
fn free() -> SocketAddr {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = tcp.local_addr().unwrap();
    UdpSocket::bind(address).unwrap();
    address
}

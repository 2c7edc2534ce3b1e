//! The whole program over an mbox, beside the library over the same messages in memory.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::clock::{children_time, spent};
use crate::ours::{NOW, Ours};
use crate::table::{head, ratios, row, spread};
use crate::workload::Workload;

/// How much is read at once where nothing is done with it, in bytes.
const BLOCK: usize = 256 * 1024;

/// Prints what reading and printing cost `mailward verify`.
pub fn program(mailward: &Path, folder: &Path, workload: &Workload, rounds: usize) {
    write(folder, workload).expect("the folder can be written to");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ours = Ours::new(workload.zone.clone());
    let (mut reading, mut library, mut whole, mut clock) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut block = vec![0; BLOCK];
    for round in 0..rounds {
        reading.push(spent(|| {
            let mut mbox = fs::File::open(folder.join("all.mbox")).expect("the mbox");
            while mbox.read(&mut block).expect("the mbox") > 0 {}
        }));
        library.push(spent(|| {
            runtime.block_on(async {
                for mail in &workload.mails {
                    ours.judge(mail).await;
                }
            });
        }));
        let (processor, start) = (children_time(), Instant::now());
        let printed = verify(mailward, folder);
        whole.push(children_time().saturating_sub(processor));
        clock.push(start.elapsed().as_secs_f64());
        if round == 0 {
            check(&printed, workload);
        }
    }
    let mib = workload.bytes() >> 20;
    let seconds = |times: &[Duration]| spread(times.iter().map(Duration::as_secs_f64), 2);
    head(
        &format!("`mailward verify` over an mbox of {mib} MiB, one core, a zone file for the DNS:"),
        ["", "processor s", "s by the clock", "× library"],
    );
    let read = spread(ratios(&reading, &library), 2);
    row(["the system's part of reading the mbox", &seconds(&reading), "", &read]);
    row(["library, messages in memory", &seconds(&library), "", "1"]);
    row(["`mailward verify`", &seconds(&whole), &spread(clock, 2), &spread(ratios(&whole, &library), 2)]);
}

fn write(folder: &Path, workload: &Workload) -> std::io::Result<()> {
    let mut mbox = std::io::BufWriter::new(fs::File::create(folder.join("all.mbox"))?);
    let mut envelopes = String::from("file,ip,helo,mail_from,rcpt,now\n");
    for (number, mail) in (1..).zip(&workload.mails) {
        mbox.write_all(b"From sender@sender.example Fri Nov 20 10:00:00 2026\r\n")?;
        mbox.write_all(&mail.bytes)?;
        mbox.write_all(b"\r\n")?;
        let ip = mail.envelope.client.map(|ip| ip.to_string()).unwrap_or_default();
        let (helo, mail_from, now) = (&mail.helo, &mail.mail_from, NOW.0);
        envelopes += &format!("all.mbox:{number},{ip},{helo},<{mail_from}>,<alice@receiver.example>,{now}\n");
    }
    fs::write(folder.join("envelopes.csv"), envelopes)?;
    fs::write(folder.join("world.zone"), &workload.zone_text)
}

fn verify(mailward: &Path, folder: &Path) -> String {
    let output = Command::new(mailward)
        .current_dir(folder)
        .args(["verify", "--dns", "world.zone", "--envelopes", "envelopes.csv", "all.mbox"])
        .stderr(Stdio::inherit())
        .output()
        .expect("mailward starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The table that was printed, against what was constructed: a speed is worth nothing if the verdicts are not right.
fn check(printed: &str, workload: &Workload) {
    let mut right = 0;
    for (line, mail) in printed.lines().skip(1).zip(&workload.mails) {
        let words: Vec<&str> = line.split_whitespace().skip(1).take(3).collect();
        right += usize::from(words == [mail.expected.dmarc, mail.expected.spf, mail.expected.dkim]);
    }
    println!(
        "\n- mailward verify: {} of {} verdicts differ from what was constructed",
        workload.mails.len() - right,
        workload.mails.len()
    );
}

//! The sockets by which the MTA finds us: whether somebody listens, and who may connect.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::{Report, Severity};
use super::rights::{Account, account};
use crate::config::Config;
use crate::config::listener::{Address, UnixSocket};
use crate::input::error::shown;

/// How long a connection over TCP may take.
const TIMEOUT: Duration = Duration::from_secs(3);
const NOBODY: &str = "nobody listens, so the MTA finds no mailward";
const START: &str = "start it: systemctl start mailward, or mailward serve";

pub(super) async fn look(report: &mut Report, config: &Config, queue: &Path, mail_owner: Option<&str>) {
    if let Some(address) = config.web.address.filter(|address| !address.ip().is_loopback()) {
        let message = "everybody in the network may read the pages";
        let help = "an address of this host alone, or something before it that asks who is there";
        report.add("web-network", Severity::Note, format!("[web]: {address}"), message, help);
    }
    let account = mail_owner.map(|name| (name, account(name)));
    for listener in config.listeners.iter().chain(&config.tls_policy.listener()) {
        let place = format!("listener {}: {}", listener.name, listener.address);
        match &listener.address {
            Address::Unix(socket) => unix(report, &place, socket, account.as_ref(), queue),
            Address::Tcp(address) => {
                if !address.ip().is_loopback() {
                    let message = "can be reached from the network";
                    let help = "a loopback address or a unix socket would do for a Postfix on this machine; else keep peers short";
                    report.add("socket-network", Severity::Note, &place, message, help);
                }
                match timeout(TIMEOUT, TcpStream::connect(address)).await {
                    Ok(Ok(_)) => report.good(place, "somebody listens"),
                    Ok(Err(_)) | Err(_) => report.add("socket-closed", Severity::Error, place, NOBODY, START),
                }
            }
        }
    }
}

fn unix(
    report: &mut Report,
    place: &str,
    socket: &UnixSocket,
    mta: Option<&(&str, Option<Account>)>,
    queue: &Path,
) {
    let path = socket.path.as_path();
    let file = match fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => file,
        Ok(_) => {
            let message = "there is a file that is no socket";
            return report.add("socket-not", Severity::Error, place, message, format!("rm {}", shown(path)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            return match folder.is_dir() {
                true => report.add("socket-closed", Severity::Error, place, NOBODY, START),
                false => {
                    let message = format!("there is no folder {}", shown(folder));
                    let help = format!("install -d -o mailward -g postfix -m 2750 {}", shown(folder));
                    report.add("socket-no-folder", Severity::Error, place, message, help);
                }
            };
        }
        Err(error) => {
            let message = format!("can't be looked at: {}", mail::printable(error.to_string()));
            return report.add(
                "socket-hidden",
                Severity::Warning,
                place,
                message,
                "run mailward doctor as root",
            );
        }
    };
    let before = report.0.len();
    match UnixStream::connect(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(_) => report.add("socket-closed", Severity::Error, place, NOBODY, START),
    }
    if file.mode() & 0o002 != 0 && is_open(path) {
        let message =
            format!("everybody on this machine may connect, by its mode {:04o}", file.mode() & 0o7777);
        report.add(
            "socket-open",
            Severity::Warning,
            place,
            message,
            "socket_mode = \"660\", and a group that only Postfix is in",
        );
    }
    match mta {
        Some((name, Some(account))) => {
            if let Some(message) = barred(path, &file, name, account) {
                let folder = path.parent().unwrap_or(path);
                let help = format!(
                    "install -d -o mailward -g {name} -m 2750 {}, and start mailward again",
                    shown(folder)
                );
                report.add("socket-barred", Severity::Error, place, message, help);
            }
        }
        Some((name, None)) => {
            let message = format!("who {name} is can't be read in /etc/passwd, so its rights are not known");
            report.add("socket-hidden", Severity::Note, place, message, "");
        }
        None => {}
    }
    if !path.starts_with(queue) && mta.is_some() {
        let message = format!("stands outside of {}: a Postfix in a chroot does not see it", shown(queue));
        report.add(
            "socket-outside",
            Severity::Note,
            place,
            message,
            "right where master.cf has n in the column chroot for those who ask: smtpd and cleanup, smtp for TLS policies",
        );
    }
    if report.0.len() == before {
        report.good(place, "somebody listens, and the MTA may connect");
    }
}

/// Whether everybody may pass to the folder of the socket.
fn is_open(path: &Path) -> bool {
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    folders.into_iter().all(|folder| fs::metadata(folder).is_ok_and(|folder| folder.mode() & 0o001 != 0))
}

/// Why an MTA of this account can't connect.
fn barred(path: &Path, file: &Metadata, name: &str, account: &Account) -> Option<String> {
    // connect(2) takes the right to write. Postfix has all groups of its user.
    if !account.may(file, 0o2) {
        return Some(format!("{name} may not connect, by its mode {:04o}", file.mode() & 0o7777));
    }
    let shut = |folder: &&Path| fs::metadata(folder).is_ok_and(|folder| !account.may(&folder, 0o1));
    path.ancestors().skip(1).find(shut).map(|folder| format!("{name} may not pass through {}", shown(folder)))
}

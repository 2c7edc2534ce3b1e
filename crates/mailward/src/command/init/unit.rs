//! The unit by which systemd starts the daemon or a part of it, with everything taken away that it does not need.

use std::path::Path;

use crate::config::Config;
use crate::input::InputError;
use crate::input::error::shown;
use crate::postfix::lines::SOCKET;
use crate::serve::Part;
use crate::serve::parts::Parts;

const UNIT: &str = "\
# /etc/systemd/system/NAME.service
# Needs a user of its own: useradd --system --home-dir /var/lib/mailward --shell /usr/sbin/nologin mailward
[Unit]
Description=mailward: TASK
Wants=network-online.target
After=network-online.target nss-lookup.target
Before=postfix.service

[Service]
Type=notify
# The folder of the socket in Postfix's chroot. The plus sign: as root.
ExecStartPre=+/usr/bin/install -d -o mailward -g postfix -m 2750 FOLDER
ExecStart=/usr/bin/mailward serve ONLY--config CONFIG
ExecReload=/usr/bin/mailward reload --config CONFIG
WatchdogSec=30
Restart=on-failure
User=mailward
Group=mailward
UMask=0077
WorkingDirectory=/var/lib/mailward
StateDirectory=mailward
StateDirectoryMode=0700
ReadWritePaths=-FOLDER
InaccessiblePaths=-KEY
LimitNOFILE=16384
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
";

/// The unit for the configuration in this file, which need not be there yet; for these parts, or all.
pub(super) fn unit(path: &Path, only: &[Part]) -> Result<String, InputError> {
    let parts = Parts::new(only);
    let folder = Path::new(SOCKET).parent().map(shown).unwrap_or_default();
    let (name, task) = match parts.has(Part::Milter) {
        true => ("mailward".to_owned(), "SPF, DKIM and DMARC beside the mail server".to_owned()),
        false => (format!("mailward-{parts}").replace(',', "-"), format!("its part {parts}")),
    };
    let only = if only.is_empty() { String::new() } else { format!("--only {parts} ") };
    let keys = if parts.has(Part::Milter) { Vec::new() } else { keys(path)? };
    let line = |line: &str| match line {
        "InaccessiblePaths=-KEY" => keys.iter().map(|key| line.replace("KEY", key)).collect(),
        // The others can't read all of a new configuration.
        _ if line.starts_with("ExecReload=") && !parts.has(Part::Milter) => Vec::new(),
        _ => vec![line.to_owned()],
    };
    let lines: Vec<String> = UNIT.lines().flat_map(line).collect();
    let unit = lines.join("\n").replace("FOLDER", &folder).replace("CONFIG", &shown(path));
    Ok(unit.replace("NAME", &name).replace("TASK", &task).replace("ONLY", &only))
}

/// Where keys stand, or will.
fn keys(path: &Path) -> Result<Vec<String>, InputError> {
    if !path.exists() {
        return Ok(vec![shown(&path.with_file_name("keys"))]);
    }
    let signing = Config::load(Some(path))?.0.signing;
    let files = signing.keys.iter().map(|key| &key.file);
    Ok(files.chain([&signing.key_directory]).map(|path| shown(path)).collect())
}

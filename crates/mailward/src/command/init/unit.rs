//! The unit by which systemd starts the daemon, with everything taken away that it does not need.

use std::path::Path;

use crate::input::error::shown;
use crate::postfix::lines::SOCKET;

const UNIT: &str = "\
# /etc/systemd/system/mailward.service
# Needs a user of its own: useradd --system --home-dir /var/lib/mailward --shell /usr/sbin/nologin mailward
[Unit]
Description=mailward: SPF, DKIM and DMARC beside the mail server
Wants=network-online.target
After=network-online.target nss-lookup.target
Before=postfix.service

[Service]
Type=notify
# The folder of the socket in Postfix's chroot. The plus sign: as root.
ExecStartPre=+/usr/bin/install -d -o mailward -g postfix -m 2750 FOLDER
ExecStart=/usr/bin/mailward serve --config CONFIG
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

/// The unit for this configuration.
pub(super) fn unit(config: &Path) -> String {
    let folder = Path::new(SOCKET).parent().map(shown).unwrap_or_default();
    UNIT.replace("FOLDER", &folder).replace("CONFIG", &shown(config))
}

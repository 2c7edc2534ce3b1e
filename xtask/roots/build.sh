#!/bin/bash
# Makes a Debian root for the tests: build.sh DIRECTORY SUITE PACKAGE,... PIP-REQUIREMENT...
# The package mirror, its proxy and its certificates are those that apt uses on this machine.
# Called by `cargo xtask roots`, which keeps the result. Needs root and the network; installs mmdebstrap if it is missing,
# and changes nothing else on this machine.
set -euo pipefail

directory=$1 suite=$2 packages=$3
shift 3

if [ "$(id -u)" != 0 ] || ! unshare --mount --pid --fork true; then
    echo "this needs root, with the right to make namespaces" >&2
    exit 1
fi
if ! command -v mmdebstrap >/dev/null; then
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends mmdebstrap
fi

# The mirrors: out of what apt knows, whichever way its sources are written.
mirror_of() {
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n "s|^$1 ||p" | sed 1q
}
[ -n "$(mirror_of Debian)" ] || apt-get update --quiet=2
main=$(mirror_of Debian)
security=$(mirror_of Debian-Security)
if [ -z "$main" ]; then
    echo "apt knows no Debian mirror: is this Debian?" >&2
    exit 1
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
sources() {
    echo "deb [signed-by=$keyring] $main $suite main"
    echo "deb [signed-by=$keyring] $main $suite-updates main"
    [ -z "$security" ] || echo "deb [signed-by=$keyring] $security $suite-security main"
}

# The ways to the mirror: proxies, certificates, retries.
options=$(mktemp)
trap 'rm -f "$options"' EXIT
apt-config dump | grep -E '^Acquire::(https?|socks|Check-|Retries|ForceIPv)' >"$options" || true

sources | mmdebstrap --mode=root --variant=essential --format=directory --quiet \
    --aptopt="$options" --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --include="$packages" "$suite" "$directory" -

if [ $# -gt 0 ]; then
    # In a mount namespace of its own: what pip needs of this machine is lent, and goes with the namespace.
    unshare --mount --pid --fork --kill-child bash -euo pipefail -c '
        directory=$1
        shift
        lend() {
            [ -e "$1" ] || return 0
            if [ -d "$1" ]; then mkdir -p "$directory$1"; else
                mkdir -p "$(dirname "$directory$1")"
                [ -e "$directory$1" ] || touch "$directory$1"
            fi
            mount --bind "$1" "$directory$1"
        }
        lend /etc/resolv.conf
        lend /etc/hosts
        lend /etc/ssl
        lend /etc/pip.conf
        for file in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" "${PIP_CONFIG_FILE:-}"; do
            case $file in
            "" | /etc/ssl/*) ;;
            *) lend "$file" ;;
            esac
        done
        if [ -d /usr/local/share/ca-certificates ]; then lend /usr/local/share/ca-certificates; fi
        if [ -d /usr/share/ca-certificates ]; then lend /usr/share/ca-certificates; fi
        export HOME=/root TMPDIR=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin
        chroot "$directory" python3 -m venv /opt/venv
        chroot "$directory" /opt/venv/bin/pip install --quiet --no-cache-dir "$@"
    ' build.sh "$directory" "$@"
fi

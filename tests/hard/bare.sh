#!/usr/bin/env bash
# What a newcomer meets on a fresh Debian that has python3, git and ca-certificates and nothing else:
# a plain user is told the one line to type, one with a pip is served, and root gets the commands of the README.
#
#     tests/hard/bare.sh                     as root; runs `demo --once` and `test` there
#     tests/hard/bare.sh "config --help"     runs these commands as root instead
#
# Needs debootstrap. The package mirror, proxies and certificates are those of the machine this runs on.
set -euo pipefail

suite=bookworm
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "bare: this needs root and debootstrap (apt-get install debootstrap)" >&2
    exit 2
fi
if [ $# = 0 ]; then set -- "demo --once" test; fi

bare=$(mktemp -d --tmpdir tuangui-bare.XXXXXX)
chmod 755 "$bare" # a chroot for everyone
trap 'rm -rf --one-file-system "$bare"' EXIT

say() { echo "bare: $*"; }

fail() {
    say "FAILED: $*"
    exit 1
}

mirror() { # of this machine, in either form of source list
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
        sed -nE "s/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) +$suite .*/\2/p" | head -n 1
}

inside() { # inside USER COMMAND...: in namespaces of its own, so that no mount and no process is left behind
    local user=$1
    shift
    local carried=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CI=true)
    local name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL; do
        if [ -n "${!name:-}" ]; then carried+=("$name=${!name}"); fi
    done
    carried+=(PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt)
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        exec chroot "$0" setpriv --reuid "$1" --regid "$1" --init-groups env -i "HOME=$2" "${@:3}"
    ' "$bare" "$user" "$(home "$user")" "${carried[@]}" "$@" </dev/null
}

home() { if [ "$1" = root ]; then echo /root; else echo "/home/$1"; fi; }

here() { # here USER COMMAND...: in that user's clone
    inside "$1" sh -c 'cd ~/tuangui && exec "$@"' sh "${@:2}"
}

refused() { # refused USER LINE COMMAND...: exits 2 and names the line to type
    local said status=0
    said=$(here "$1" "${@:3}" 2>&1) || status=$?
    echo "$said"
    [ $status = 2 ] || fail "${*:3} as $1 ended with $status, not 2"
    grep -qF "$2" <<<"$said" || fail "${*:3} as $1 did not say: $2"
}

furnish() {
    cp /etc/resolv.conf /etc/hosts "$bare/etc/"
    # Behind a proxy with its own authority the certificates of this machine are the ones that count.
    cp /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/ca-certificates.crt"
    grep -ihsE '^Acquire::[a-z]+::proxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/* >"$bare/etc/apt/apt.conf.d/90proxy" || true
    printf '#!/bin/sh\nexit 101\n' >"$bare/usr/sbin/policy-rc.d" # no service starts in here
    chmod 755 "$bare/usr/sbin/policy-rc.d"
    inside root useradd --create-home --shell /bin/bash newcomer
    git clone --quiet --no-hardlinks "$checkout" "$bare/root/tuangui"
    git clone --quiet --no-hardlinks "$checkout" "$bare/home/newcomer/tuangui"
    inside root chown -R newcomer:newcomer /home/newcomer
}

say "building a bare $suite from $(mirror | sed 's#//[^/]*#//…#')"
debootstrap --variant=minbase --include=python3,git,ca-certificates "$suite" "$bare" "$(mirror)" >"$bare.log" 2>&1 ||
    { tail "$bare.log"; rm -f "$bare.log"; fail debootstrap; }
rm -f "$bare.log"
furnish

say "a plain user without an installer"
refused newcomer "sudo apt-get install -y --no-install-recommends python3-venv" ./tuangui config --help
refused newcomer "sudo apt-get install -y --no-install-recommends mosquitto chromium" ./tuangui test

say "a plain user with Debian's pip, still without venv"
inside root sh -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-pip' >/dev/null 2>&1
here newcomer ./tuangui config --help
inside root sh -c 'apt-get purge -qq -y python3-pip && apt-get autoremove -qq -y' >/dev/null 2>&1

for command in "$@"; do
    say "as root: ./tuangui $command"
    # shellcheck disable=SC2086 # the words of the command
    here root ./tuangui $command || fail "./tuangui $command as root ended with $?"
done
say "all as promised"

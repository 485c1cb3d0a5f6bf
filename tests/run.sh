#!/usr/bin/env bash
# The test command: formatting, lints, documentation, unit and case tests, command-line snapshots, and the sandbox
# tests on real hosts with systemd. Installs what the machine lacks (Debian and Ubuntu, as root). Exits non-zero if
# anything failed, also if the sandbox tests could not run; the last line is the test runner's own summary.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n==> %s\n' "$*"; }

packages=()
need() { command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || [ -x "/usr/sbin/$1" ] || packages+=("$2"); }
need debootstrap debootstrap
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
need mount mount
need systemd-nspawn systemd-container
need systemd-escape systemd
need ip iproute2
need ssh openssh-client
need sshd openssh-server
need nsenter util-linux
need cc gcc
need /etc/ssl/certs/ca-certificates.crt ca-certificates
if [ "${#packages[@]}" -gt 0 ]; then
    step "installing ${packages[*]}"
    [ "$(id -u)" = 0 ] || { echo "the tests boot real hosts and need root: run as root" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
[ "$(id -u)" = 0 ] || { echo "the sandbox tests boot real hosts and need root: run as root" >&2; exit 1; }
command -v cargo >/dev/null || { echo "cargo is not on the PATH: install the Rust toolchain (https://rustup.rs)" >&2; exit 1; }

step "formatting"
cargo fmt --all --check
step "lints"
cargo clippy --locked --all-targets --quiet -- -D warnings
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet
step "build"
cargo build --locked --all-targets --quiet
step "base systems for the sandbox"
for release in bullseye bookworm trixie; do
    # What an interrupted run has left.
    target/debug/unitfleet sandbox down --name "warm-$release" >/dev/null
    # A test that had to make a base would run for minutes: one without and one with what the playbooks need.
    for with in "" "--with=python3"; do
        target/debug/unitfleet sandbox up -n 1 --release "$release" --name "warm-$release" -q ${with:+"$with"}
        target/debug/unitfleet sandbox down --name "warm-$release" -q
    done
done
step "tests"
if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked --no-fail-fast
fi
# Without the documentation tests, of which there are none: the last line is then the sandbox tests' summary.
exec cargo test --locked --no-fail-fast --lib --tests

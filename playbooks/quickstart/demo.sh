#!/usr/bin/env bash
# The quick tour: builds unitfleet, boots three throw-away hosts on this machine, and shows plan → apply → plan, a host
# that somebody changed by hand, and how it is healed. Needs root (Debian or Ubuntu) and a Rust toolchain; installs the
# packages that are missing. The hosts stay up for a look around; run it again for three fresh ones.
#
# It makes a release build, although a debug build is done sooner: what it leaves in target/release is the program as
# one would install it.
set -euo pipefail
cd "$(dirname "$0")/../.."

bold='' dim='' command='' reset=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' command=$'\e[1;36m' reset=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
chapter() { printf '\n%s── %s%s\n' "$bold" "$*" "$reset"; }
give_up() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# Echoes a command as one would type it, and runs it. What has to be quoted is written with single quotes.
run() {
    printf '\n%s$%s %s%s%s\n' "$dim" "$reset" "$command" "$1" "$reset"
    last=$1
    eval "$1"
}

# The same for a command that ends with another code than 0; the code is shown.
run_expecting() {
    local status=0
    run "$2" || status=$?
    if [ "$status" != "$1" ]; then give_up "\`$2\` ended with code $status where $1 was expected"; fi
    printf '%s(exit code %s)%s\n' "$dim" "$status" "$reset"
}

last=
stopped() {
    local status=$?
    if [ "$status" != 0 ] && [ -n "$last" ]; then
        printf '\ndemo: stopped at `%s` (code %s)\n' "$last" "$status" >&2
        if [ -d /var/lib/unitfleet-sandbox/demo ]; then
            printf 'demo: the hosts are still up; take them down: %s/target/release/unitfleet sandbox down --name demo\n' "$PWD" >&2
        fi
    fi
}
trap stopped EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$(id -u)" = 0 ] || give_up 'hosts are booted on this machine, which needs root: sudo ./playbooks/quickstart/demo.sh'

# ---- what the machine lacks

packages=()
need() { command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || [ -x "/usr/sbin/$1" ] || packages+=("$2"); }
need cc gcc
need debootstrap debootstrap
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
need ip iproute2
need mount mount
need nsenter util-linux
need ssh openssh-client
need systemd-nspawn systemd-container
need /etc/ssl/certs/ca-certificates.crt ca-certificates
if [ "${#packages[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || give_up "this machine lacks ${packages[*]} (as Debian calls them), and has no apt-get"
    chapter "Install what this machine lacks"
    export DEBIAN_FRONTEND=noninteractive
    run "apt-get update -qq"
    run "apt-get install -y -qq --no-install-recommends ${packages[*]} >/dev/null"
fi

# Under sudo, the toolchain is usually in the home of the user who called it: then that user builds.
build=(cargo build --release --locked)
if ! command -v cargo >/dev/null; then
    home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)
    [ -x "$home/.cargo/bin/cargo" ] || give_up 'cargo is not on the PATH: install the Rust toolchain (https://rustup.rs)'
    PATH=$home/.cargo/bin:$PATH
    if [ -n "${SUDO_USER:-}" ]; then build=(runuser -u "$SUDO_USER" -- env "HOME=$home" "PATH=$PATH" "${build[@]}"); fi
fi

# ---- the tour

chapter "Build it"
run "${build[*]}"
run "export PATH=\"$PWD/target/release:\$PATH\""

chapter "Boot three hosts with real systemd and sshd"
say "The first time, Debian's base system is fetched for them: about a minute."
if [ -d /var/lib/unitfleet-sandbox/demo ]; then
    say "The three hosts of an earlier run make room for fresh ones."
    run "unitfleet sandbox down --name demo"
fi
run "unitfleet sandbox up -n 3 --name demo"
run "fleet=/var/lib/unitfleet-sandbox/demo/inventory.yaml"

chapter "Plan: what differs, and what would be done about it"
say "The playbook wants a script, its settings and a service on every host."
say "All three lack all of it; -l shows one of them."
run "cd playbooks/quickstart"
run "unitfleet plan -i \$fleet -l demo1 playbook.yaml"

chapter "Apply"
say "On a terminal it shows the plan and asks; -y answers, and -q leaves the summary."
run "unitfleet apply -y -q -i \$fleet playbook.yaml"

chapter "Plan again: nothing to do"
run_expecting 0 "unitfleet plan --detailed-exitcode -i \$fleet playbook.yaml"

chapter "Somebody changes one host by hand"
run "unitfleet sandbox exec --name demo demo2 -- \\
      sed -i s/Hello/Goodbye/ /etc/hello.env"
run "unitfleet sandbox exec --name demo demo2 -- \\
      systemctl restart hello.service"
say
say "The plan shows just that; with --detailed-exitcode, changes exit with 2."
run_expecting 2 "unitfleet plan --detailed-exitcode -i \$fleet playbook.yaml"

chapter "Apply heals it, and touches no other host"
run "unitfleet apply -y -i \$fleet playbook.yaml"
run "unitfleet sandbox exec --name demo demo2 -- \\
      journalctl -o cat -n 3 -u hello.service"

chapter "The three hosts stay up"
cat <<END
To look around, in the folder playbooks/quickstart:

  export PATH="${PWD%/playbooks/quickstart}/target/release:\$PATH"
  fleet=/var/lib/unitfleet-sandbox/demo/inventory.yaml

  unitfleet sandbox exec --name demo demo1         a root shell on a host
  ssh -F \${fleet%/*}/ssh_config demo1              the same, through its sshd
  unitfleet plan -i \$fleet -e greeting=Servus playbook.yaml
  unitfleet --help

Take them down; nothing of them is left:

  unitfleet sandbox down --name demo
END

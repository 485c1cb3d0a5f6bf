#!/usr/bin/env bash
# Measures unitfleet on throw-away hosts against plain parallel ssh that runs hand-written scripts doing the same
# (by-hand/), in the same run, taking turns. Prints the medians and their ratios, and writes RESULTS.md beside this file.
#
#   tests/bench/run.sh [-n HOSTS] [-r ROUNDS] [--keep]
#
# Needs root and what the sandbox needs. Not part of the tests: times depend on the machine and on what else it does.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/bench
hosts=10 rounds=9 keep=''
while [ $# -gt 0 ]; do
    case $1 in
        -n) hosts=$2; shift 2 ;;
        -r) rounds=$2; shift 2 ;;
        --keep) keep=yes; shift ;;
        *) sed -n '2,7p' "$0" >&2; exit 64 ;;
    esac
done

cargo build --release --locked
unitfleet=$PWD/target/release/unitfleet
fleet=bench
state=/var/lib/unitfleet-sandbox/$fleet
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state
# Connections of its own: whoever else runs `unitfleet disconnect` meanwhile would close them.
mkdir -m 0700 "$work/run"
export XDG_RUNTIME_DIR=$work/run
finish() {
    "$unitfleet" disconnect >/dev/null 2>&1 || true
    for socket in "$work"/master-*; do
        [ ! -S "$socket" ] || ssh -F none -O exit -S "$socket" host 2>/dev/null || true
    done
    rm -rf "$work"
    [ -n "$keep" ] || "$unitfleet" sandbox down --name $fleet -q >/dev/null
}
trap finish EXIT
set -E
trap 'echo "bench: \`$BASH_COMMAND\` failed in line $LINENO" >&2' ERR
trap 'exit 130' INT TERM
"$unitfleet" sandbox down --name $fleet >/dev/null
"$unitfleet" sandbox up -n "$hosts" --name $fleet -q >/dev/null
inventory=$state/inventory.yaml
mapfile -t names < <(seq -f "$fleet%g" 1 "$hosts")

# The same bytes on both sides: the files are what unitfleet renders.
"$unitfleet" render -i "$inventory" -l "${names[0]}" -o "$work/rendered" "$here/playbook.yaml" >/dev/null
mkdir "$work/files"
find "$work/rendered" -type f -exec cp -t "$work/files" {} +
(cd "$work/files" && sha256sum -- * >"$work/SUMS" && mv "$work/SUMS" SUMS && tar -cf "$work/files.tar" -- *)
apply_script=$(cat "$here/by-hand/apply.sh")

# ---- both sides

plain() { ssh -F "$state/ssh_config" -o BatchMode=yes "$@"; }
mastered() { plain -o ControlMaster=auto -o ControlPath="$work/master-%n" -o ControlPersist=60 "$@"; }
# Runs a function for all hosts at the same time; it must succeed for each.
everywhere() {
    local name pids=() pid
    for name in "${names[@]}"; do "$@" "$name" & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

gather_cold() { plain "$1" sh -s <"$here/by-hand/gather.sh" >"$work/out-$1"; }
gather_warm() { mastered "$1" sh -s <"$here/by-hand/gather.sh" >"$work/out-$1"; }
apply_by_hand() {
    gather_warm "$1"
    mastered "$1" "$apply_script" <"$work/files.tar"
    gather_warm "$1"
}
reset_host() { plain "$1" sh -s <"$here/by-hand/reset.sh"; }
close_master() { ssh -F none -O exit -S "$work/master-$1" host 2>/dev/null || true; }

forget_connections() { "$unitfleet" disconnect >/dev/null; everywhere close_master; }
plan() { "$unitfleet" plan --detailed-exitcode -i "$inventory" "$here/playbook.yaml" >"$work/plan"; }
apply() { "$unitfleet" apply -y -i "$inventory" "$here/playbook.yaml" >"$work/apply"; }

# Adds the seconds that "$2"… took to the series "$1".
measure() {
    local series=$1 from to
    shift
    from=$EPOCHREALTIME
    "$@" || { echo "bench: \`$*\` failed" >&2; cat "$work/plan" "$work/apply" >&2 2>/dev/null; exit 1; }
    to=$EPOCHREALTIME
    awk -v from="$from" -v to="$to" 'BEGIN { printf "%.4f\n", to - from }' >>"$work/series-$series"
}
# Who goes first changes from round to round: what the first one leaves warm helps the second.
in_turns() {
    if [ $((round % 2)) = 0 ]; then "$1"; "$2"; else "$2"; "$1"; fi
}

cold_ours() { forget_connections; measure cold-ours plan; }
cold_plain() { forget_connections; measure cold-plain everywhere gather_cold; }
warm_ours() { plan; measure warm-ours plan; }
warm_plain() { everywhere gather_warm; measure warm-plain everywhere gather_warm; }
apply_ours() { everywhere reset_host; forget_connections; measure apply-ours apply; }
apply_plain() { everywhere reset_host; forget_connections; measure apply-plain everywhere apply_by_hand; }

load_before=$(cut -d' ' -f1-3 /proc/loadavg)
for ((round = 0; round <= rounds; round++)); do
    in_turns apply_ours apply_plain
    everywhere reset_host
    apply
    in_turns cold_ours cold_plain
    in_turns warm_ours warm_plain
    # The first round warms caches up and does not count.
    if [ "$round" = 0 ]; then rm "$work"/series-*; fi
    if [ -t 2 ]; then printf '\rround %s of %s' "$round" "$rounds" >&2; fi
done
if [ -t 2 ]; then printf '\r\e[K' >&2; fi
load_after=$(cut -d' ' -f1-3 /proc/loadavg)

# ---- results

middle() { sort -n "$work/series-$1" | awk '{ v[NR] = $1 } END { printf "%.4f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
range() { sort -n "$work/series-$1" | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.0f–%.0f", low * 1000, high * 1000 }'; }
# "$1" name, "$2" series, "$3" seconds that both sides only wait.
row() {
    local ours plain
    ours=$(middle "$2-ours") plain=$(middle "$2-plain")
    awk -v name="$1" -v ours="$ours" -v plain="$plain" -v ours_range="$(range "$2-ours")" -v plain_range="$(range "$2-plain")" -v wait="${3:-0}" 'BEGIN {
        if (wait) printf "| %s | %.0f | %.0f | %.2f |\n", name, (ours - wait) * 1000, (plain - wait) * 1000, (ours - wait) / (plain - wait)
        else printf "| %s | %.0f (%s) | %.0f (%s) | **%.2f** |\n", name, ours * 1000, ours_range, plain * 1000, plain_range, ours / plain
    }'
}
commit=$(git rev-parse --short HEAD)
git diff --quiet HEAD -- src tests/bench || commit="$commit with changes"
systemd=$("$unitfleet" sandbox exec --name $fleet "${names[0]}" -- systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')
table() {
    echo '| median, in milliseconds (range) | unitfleet | by hand | ratio |'
    echo '|---|---|---|---|'
    row 'plan, nothing to do, new connections' cold
    row 'plan, nothing to do, kept connections' warm
    row 'first apply, new connections' apply
    row '… without the settle second, in which both only wait' apply 1
}
table
{
    cat <<END
# Results

Written by \`tests/bench/run.sh\`; wall-clock time for all hosts together, both sides taking turns.

- commit: $commit; $("$unitfleet" --version), release build, $(rustc --version | cut -d' ' -f1,2)
- machine: $(nproc) cores ($(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)), Linux $(uname -r), $(ssh -V 2>&1 | cut -d, -f1); load average $load_before before, $load_after after
- $hosts sandbox hosts on that same machine (systemd $systemd), $rounds rounds after one that does not count; $(date -u +%Y-%m-%d)

END
    table
    cat <<'END'

By hand means: one `ssh` process a host, all at the same time, running the scripts in `by-hand/`. A plan is compared to
`ssh HOST sh -s <gather.sh`, which asks systemd for the same units and reads the same files and links, and compares
nothing. Kept connections are ssh's own `ControlMaster` on that side. An apply is compared to three executions over one
such connection: gather, `apply.sh` (lock, staging, checksums, copies of the old files, fsync before and after the renames,
one daemon-reload, a look at what loads, two waves of starts, one second of settling, records), gather. Hosts and program
share one machine's cores, so what a host computes counts as much as what the program computes.
END
} >"$here/RESULTS.md"

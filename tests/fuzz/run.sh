#!/usr/bin/env bash
# Fuzzes one target: `run.sh TARGET SECONDS`. Needs a C++ compiler, and libFuzzer's crate from the registry; a stable
# toolchain will do. New findings of interest are merged into corpus/TARGET, what failed is kept in failures/TARGET:
# make it a case, then mend it.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?usage: run.sh TARGET SECONDS} seconds=${2:?usage: run.sh TARGET SECONDS}
triple=$(rustc -vV | sed -n 's/^host: //p')
# What `cargo fuzz` passes, less the address sanitizer, which there is nothing for: no line here is unsafe.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
cargo build --quiet --release --target "$triple" --bin "$target"
program=target/$triple/release/$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "corpus/$target" "failures/$target" "$work/found" "$work/merged"
status=0
"$program" "$work/found" "corpus/$target" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=2048 \
    -dict=words.dict -artifact_prefix="failures/$target/" -print_final_stats=1 >"$work/log" 2>&1 || status=$?
tail -n 12 "$work/log"
"$program" -merge=1 -use_counters=0 -max_len=4096 "$work/merged" "corpus/$target" "$work/found" >/dev/null 2>&1
rm -f "corpus/$target"/*
cp "$work/merged"/* "corpus/$target/"
rmdir "failures/$target" failures 2>/dev/null || true
exit "$status"

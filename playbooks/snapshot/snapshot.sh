#!/bin/sh
# snapshot TARGET PATH…: one archive, with its name only when it is complete.
set -eu
target=$1
shift
tar -czf "$target/.unfinished" "$@"
mv "$target/.unfinished" "$target/$(date -u +%Y%m%dT%H%M%SZ).tar.gz"

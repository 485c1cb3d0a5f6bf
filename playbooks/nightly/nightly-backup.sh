#!/bin/sh
# nightly-backup FOLDER INTO KEEP: packs FOLDER into INTO and keeps the newest KEEP packs.
set -eu
folder=$1 into=$2 keep=$3

pack=$into/$(date +%Y-%m-%d).tar.gz
tar -czf "$pack.part" -C / "${folder#/}"
mv "$pack.part" "$pack"
echo "packed $folder into $pack ($(wc -c <"$pack") bytes)"

# The names are dates, so the shell lists the oldest first.
set -- "$into"/*.tar.gz
while [ $# -gt "$keep" ]; do
    rm -- "$1"
    echo "removed $1"
    shift
done

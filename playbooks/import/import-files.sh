#!/bin/sh
# import-files INCOMING DONE: takes every file. What stays in INCOMING would start this again for ever.
set -eu
for file in "$1"/*; do
    [ -f "$file" ] || continue
    echo "importing ${file##*/}: $(wc -c <"$file") bytes"
    mv -- "$file" "$2/"
done

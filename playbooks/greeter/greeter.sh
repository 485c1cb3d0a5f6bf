#!/bin/sh
# One connection: standard input and output are the visitor.
printf 'Your name? '
read -r name || exit 0
printf 'Hello %s, this is %s.\n' "$name" "$1"

#!/bin/sh
case "$1 $2" in
"--list ") echo '{"web": ["web1"]}' ;;
*) echo "unknown option $1" >&2; exit 1 ;;
esac

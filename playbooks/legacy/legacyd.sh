#!/bin/sh
# legacyd CONFIG PIDFILE: goes into the background, as daemons did before there was somebody to watch them.
(
    trap '. "$1"; logger -t legacyd "configuration read: interval $interval"' HUP
    trap 'rm -f "$2"; exit 0' TERM
    . "$1"
    while :; do
        sleep "$interval" &
        wait $!
    done
) &
echo $! >"$2"

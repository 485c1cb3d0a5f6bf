#!/bin/sh
# Lives, and does next to nothing.
while :; do
    sleep "$EVERY" &
    wait $!
done

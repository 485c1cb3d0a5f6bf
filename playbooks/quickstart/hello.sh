#!/bin/sh
# Says hello into the journal, again and again.
while :; do
    echo "$GREETING"
    sleep "$EVERY" &
    wait $!
done

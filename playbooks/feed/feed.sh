#!/bin/sh
# Ready after its first round, and well as long as it goes round.
systemd-notify --ready --status="collecting"
while :; do
    systemd-notify WATCHDOG=1
    sleep 10
done

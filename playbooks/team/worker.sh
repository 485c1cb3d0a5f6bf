#!/bin/sh
# worker NUMBER: stands for a program that takes tasks.
while :; do
    [ -f "$SPOOL/task" ] && echo "worker $1 saw $(cat "$SPOOL/task")"
    sleep 60
done

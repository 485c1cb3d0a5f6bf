#!/bin/sh
# Stands for an API: puts a task into the spool now and then.
while :; do
    echo "a task for $QUEUE" >"$SPOOL/task"
    sleep 60
done

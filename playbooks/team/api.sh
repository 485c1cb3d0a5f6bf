#!/bin/sh
# Stands for an API: says now and then that there is a task.
while :; do
    echo "a task for $QUEUE"
    sleep 60
done

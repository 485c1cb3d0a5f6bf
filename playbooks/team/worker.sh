#!/bin/sh
# worker NUMBER: stands for a program that takes tasks from the spool.
while :; do
    echo "worker $1 of $QUEUE looks into $SPOOL"
    sleep 60
done

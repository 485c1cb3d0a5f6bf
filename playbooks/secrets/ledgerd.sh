#!/bin/sh
# Stands for a program with secrets: it says how long they are, and nothing more.
echo "a database of ${#DATABASE_URL} letters, a token of $(wc -c <"$CREDENTIALS_DIRECTORY/token") bytes"
while :; do sleep 60; done

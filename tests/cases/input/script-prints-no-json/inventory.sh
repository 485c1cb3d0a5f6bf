#!/bin/sh
echo "Loading..."
echo "{}"

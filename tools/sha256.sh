#!/bin/sh
# Prints the SHA-256 of a file, in hexadecimal. Usage: tools/sha256.sh FILE
if command -v sha256sum > /dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -c 1-64

#!/bin/sh
# Writes the API keys and the password that docker-compose.yaml wants to .env, unless the file is there.
#
# usage: docker/make-env.sh PROGRAM [ARGUMENT]...
#   a program of the platform, which makes the keys: `docker run --rm tradai/backend:latest`.
#   ENV_FILE names another file.
set -eu

file=${ENV_FILE:-.env}
if [ -e "$file" ]; then
  exit 0
fi
mine=$("$@" new-key me admin)
peers=$("$@" new-key backend trader)
password=$("$@" new-key postgres viewer)

key_of() { printf '%s\n' "$1" | sed -n 's/^key[^:]*: *//p'; }
item_of() { printf '%s\n' "$1" | sed -n 's/^add to API_KEYS: *//p'; }

umask 077
cat > "$file.new" <<EOF
# Made by docker/make-env.sh. Whoever has TRADAI_API_KEY may do everything here: it stays with you.
TRADAI_API_KEY=$(key_of "$mine")
# What the services know of the keys: names, roles and hashes.
TRADAI_API_KEYS=$(item_of "$mine"),$(item_of "$peers")
# What the backend shows to the other services.
TRADAI_PEER_API_KEY=$(key_of "$peers")
POSTGRES_PASSWORD=$(key_of "$password")
EOF
mv "$file.new" "$file"
echo "$file has your API key, TRADAI_API_KEY: send it as \`Authorization: Bearer KEY\`"

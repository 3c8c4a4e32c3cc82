#!/bin/sh
# Writes the API keys and the password that docker-compose.yaml wants to .env; what is there already is kept.
#
# usage: docker/make-env.sh PROGRAM [ARGUMENT]...
#   a program of the platform, which makes the keys: `docker run --rm tradai/backend:latest`. It is not run when
#   nothing is missing.
#   ENV_FILE names another file.
set -eu

file=${ENV_FILE:-.env}

# Whether the file gives a variable a value.
has() {
  [ -e "$file" ] && grep -q "^[[:space:]]*\(export[[:space:]][[:space:]]*\)\{0,1\}$1=[\"']\{0,1\}[^\"'[:space:]]" "$file"
}
key_of() { printf '%s\n' "$1" | sed -n 's/^key[^:]*: *//p'; }
item_of() { printf '%s\n' "$1" | sed -n 's/^add to API_KEYS: *//p'; }

added=
add() {
  added="$added$1
"
}

if ! has TRADAI_API_KEYS || ! has TRADAI_PEER_API_KEY; then
  # The three belong together: the services know the hashes of the two keys.
  for name in TRADAI_API_KEY TRADAI_API_KEYS TRADAI_PEER_API_KEY; do
    if has "$name"; then
      echo "$file has $name, but not all of TRADAI_API_KEYS and TRADAI_PEER_API_KEY, which belong together." >&2
      echo "Take its TRADAI_… keys out, and all of them are made anew; or add what is missing: new-key makes keys." >&2
      exit 1
    fi
  done
  mine=$("$@" new-key me admin)
  peers=$("$@" new-key backend trader --service)
  add '# Made by docker/make-env.sh. Whoever has TRADAI_API_KEY may do everything here: it stays with you.'
  add "TRADAI_API_KEY=$(key_of "$mine")"
  add '# What the services know of the keys: names, roles and hashes.'
  add "TRADAI_API_KEYS=$(item_of "$mine"),$(item_of "$peers")"
  add '# What the backend shows to the other services.'
  add "TRADAI_PEER_API_KEY=$(key_of "$peers")"
fi
if ! has POSTGRES_PASSWORD; then
  password=$("$@" new-key postgres viewer)
  add "POSTGRES_PASSWORD=$(key_of "$password")"
fi
if [ -z "$added" ]; then
  exit 0
fi

umask 077
{
  if [ -e "$file" ]; then
    cat "$file"
    # Its last line may have no end.
    [ -z "$(tail -c 1 "$file")" ] || echo
  fi
  printf '%s' "$added"
} > "$file.new"
mv "$file.new" "$file"
printf '%s now has:\n' "$file"
printf '%s' "$added" | sed -n 's/^\([A-Z_]*\)=.*/  \1/p'
echo "TRADAI_API_KEY is yours: send it as \`Authorization: Bearer KEY\`"

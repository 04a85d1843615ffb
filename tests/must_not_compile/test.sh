#!/usr/bin/env bash
# The program must be refused, with the message that its line "// expect: TEXT" gives in the first
# error, where a person looks; without the line that is wrong (-DRIGHT) it must compile.
# "// only: COMPILER": the others take it.
set -euo pipefail
compiler=$1 include=$2 source=$3
expected=$(sed -n 's|^// expect: ||p' "$source")
only=$(sed -n 's|^// only: ||p' "$source")
flags=(-std=c++20 -fsyntax-only -Wall -Werror=unused-result -I"$include")
"$compiler" "${flags[@]}" -DRIGHT "$source"
if [ -n "$only" ] && [[ "$(basename "$compiler")" != "$only" ]]; then
  "$compiler" "${flags[@]}" "$source"
  echo "accepted, since this is not $only"
  exit 0
fi
if output=$("$compiler" "${flags[@]}" "$source" 2>&1); then
  echo "compiled, but should not"
  exit 1
fi
first=$(grep -m1 'error:' <<< "$output")
if ! grep -qF -- "$expected" <<< "${first#*error:}"; then  # not in the path before it
  printf 'refused with another message than "%s":\n%s\n' "$expected" "$output"
  exit 1
fi

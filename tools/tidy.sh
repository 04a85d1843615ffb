#!/usr/bin/env bash
# clang-tidy over the library's sources that differ from the remote's main branch, or, where that is
# the newest commit, from the commit before; over all of them with --all.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
base=$(git rev-parse --verify -q origin/main || true)
if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
  base=$(git rev-parse --verify -q HEAD~1 || true)
fi
if [ "${2:-}" = --all ] || [ -z "$base" ]; then
  mapfile -t files < <(git ls-files 'src/*.cpp')
else
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp')
fi
if [ ${#files[@]} -eq 0 ]; then
  echo "tidy: no source has changed"
  exit 0
fi
printf '%s\n' "${files[@]}" | xargs -P2 -n4 clang-tidy-19 -p "$build" --quiet 2> /dev/null
echo "tidy: ${#files[@]} files"

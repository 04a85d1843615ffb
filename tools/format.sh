#!/usr/bin/env bash
# Formats the C++ sources in place; with --check only says which ones are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.hpp' '*.cpp')
if [ "${1:-}" = --check ]; then
  if ! clang-format-19 --dry-run -Werror "${files[@]}"; then
    echo "run ./dev fmt"
    exit 1
  fi
  echo "format: ${#files[@]} files"
else
  clang-format-19 -i "${files[@]}"
fi

#!/usr/bin/env bash
# Installs the library into an empty folder and builds a user's project against it: by
# find_package, by pkg-config and by add_subdirectory.
set -euo pipefail
source_dir=$1 build_dir=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(cd "$(dirname "$0")" && pwd)

cmake --install "$build_dir" --prefix "$work/installed" > "$work/install.log"

echo "find_package"
cmake -S "$here/user" -B "$work/found" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
      -DCMAKE_PREFIX_PATH="$work/installed" > "$work/found.log"
cmake --build "$work/found" >> "$work/found.log" || { cat "$work/found.log"; exit 1; }
[ "$("$work/found/user")" = "Hello from a task: 42" ]
[ "$("$work/found/user_http")" = "Hello by HTTP" ]
[ "$("$work/found/user_cluster")" = "From a worker: 42" ]
# gdb's script, in the program and beside it.
[ -f "$work/installed/share/gdb/asyncio_gdb.py" ]
[ -n "$(readelf -SW "$work/found/user" | grep debug_gdb_scripts)" ]
[ "$("$work/found/user_dashboard")" = "http://127.0.0.1:" ]

echo "pkg-config"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/installed" -name asyncio.pc)")
# shellcheck disable=SC2046
"$compiler" -std=c++20 "$here/user/main.cpp" -o "$work/user" $(pkg-config --cflags --libs --static asyncio)
[ "$("$work/user")" = "Hello from a task: 42" ]
# shellcheck disable=SC2046
"$compiler" -std=c++20 "$here/user/http.cpp" -o "$work/user_http" $(pkg-config --cflags --libs --static asyncio-http)
[ "$("$work/user_http")" = "Hello by HTTP" ]
# shellcheck disable=SC2046
"$compiler" -std=c++20 "$here/user/cluster.cpp" -o "$work/user_cluster" $(pkg-config --cflags --libs --static asyncio-cluster)
[ "$("$work/user_cluster")" = "From a worker: 42" ]
# shellcheck disable=SC2046
"$compiler" -std=c++20 "$here/user/dashboard.cpp" -o "$work/user_dashboard" $(pkg-config --cflags --libs --static asyncio-dashboard)
[ "$("$work/user_dashboard")" = "http://127.0.0.1:" ]

echo "add_subdirectory, without our flags or tests"
cmake -S "$here/user" -B "$work/added" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
      -DASYNCIO_SOURCE="$source_dir" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON > "$work/added.log"
if grep -q -- "-Werror" "$work/added/compile_commands.json"; then
  echo "flags of ours have leaked"; exit 1
fi
if grep -q "_test.cpp" "$work/added/compile_commands.json"; then
  echo "our tests are part of a user's build"; exit 1
fi

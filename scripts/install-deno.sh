#!/usr/bin/env bash
# Installs Deno from npm into the cache (42 MB, once) and prints the path of its program, for MELGRAD_DENO: its WebGPU compiles by naga,
# as Firefox does. The package of the platform is taken by itself, so that no install script runs. For Linux on x86-64.
set -euo pipefail

version=2.9.6
case "$(uname -s) $(uname -m)" in
  "Linux x86_64") package=@deno/linux-x64-glibc ;;
  *) echo "install-deno: no package of Deno is known for this system" >&2; exit 1 ;;
esac
folder=${MELGRAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/melgrad}/deno-$version
program=$folder/node_modules/$package/deno
[ -x "$program" ] || npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix "$folder" "$package@$version" >&2
"$program" --version >&2
echo "$program"

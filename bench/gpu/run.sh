#!/usr/bin/env bash
# Every measurement that wants a GPU, on the machine that has one: melgrad's suites, and PyTorch at the same work. Run it in the
# project's root, as   bash bench/gpu/run.sh [FOLDER]   (default bench/results). Each part has its own time limit, and what was
# measured before it ran out is kept, so that a short lease gives partial results rather than none. Parts: environment PARTS
# (default "step kernels mel growth torch"); seconds for each: LIMIT (default 240); which Python: PYTHON (default python3).
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-bench/results}
limit=${LIMIT:-240}
python=${PYTHON:-python3}
parts=${PARTS:-step kernels mel growth torch}
mkdir -p "$out"
bench=dist/bench.js
[ -f "$bench" ] || bench=dist/cli.js
[ -f "$bench" ] || { echo "run.sh: build first: npm ci && npm run build, or node bench/gpu/pack.mjs" >&2; exit 1; }
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader

torch() {
  "$python" -c 'import torch' 2>/dev/null || { echo "no PyTorch here" >&2; return 0; }
  timeout -s INT -k 20 "$limit" "$python" bench/gpu/torch_bench.py --json "$out/torch.json"
  [ -f "$out/torch.json" ] && node "$bench" bench --suite roofline --results "$out" --torch "$out/torch.json"
}

failed=0
for part in $parts; do
  echo "== $part"
  if [ "$part" = torch ]; then
    torch || failed=1
  else
    profile=()
    [ "$part" = step ] && profile=(--profile)
    timeout -s INT -k 20 "$limit" node "$bench" bench --suite "$part" "${profile[@]}" --results "$out" || failed=1
  fi
done
ls -l "$out"
exit $failed

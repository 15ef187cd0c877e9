#!/usr/bin/env bash
# Writes the report of a reference run twice, elsewhere: at most 5 s each, the same bytes both times. Then its page, and
# those of the runs beside it, are opened in a browser.
#
#   check_report.sh WIRERACE PYTHON RUN [FOLDER WITH FURTHER RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
wirerace=$1 python=$2 run=$3 further=${4:-}
AXE=4.14.1
MAX_MS=5000

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for time in first second; do
  mkdir -p "$out/$time/reference"
  cp "$run"/manifest.json "$run"/trials.jsonl "$out/$time/reference/"
  began=$(date +%s%N)
  "$wirerace" report "$out/$time/reference" >"$out/$time.txt"
  took_ms=$((($(date +%s%N) - began) / 1000000))
  echo "wirerace report: $took_ms ms"
  [ "$took_ms" -lt "$MAX_MS" ] || { echo "that is more than $MAX_MS ms"; exit 1; }
done
diff -r "$out/first" "$out/second" || { echo "the same run gave other bytes"; exit 1; }

# The package's own file, without what else npm would install.
axe=target/check-axe/$AXE/package/axe.min.js
if [ ! -f "$axe" ]; then
  mkdir -p "target/check-axe/$AXE"
  (cd "target/check-axe/$AXE" && npm pack --silent "axe-core@$AXE" >/dev/null && tar xzf "axe-core-$AXE.tgz" package/axe.min.js)
fi
pages=("$out/first/reference/report.html")
if [ -n "$further" ]; then
  while IFS= read -r page; do pages+=("$page"); done < <(find "$further" -name report.html | sort)
fi
"$python" scripts/check_report.py "${pages[@]}" --axe "$axe" --pictures target/report-pictures

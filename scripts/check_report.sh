#!/usr/bin/env bash
# Writes the report of a reference run twice, elsewhere: at most 5 s each, the same bytes both times. Writes those of all
# committed runs again, in as much time as they take: what is committed must be what this program says today. Then the
# reference run's page, and those of the runs beside it, are opened in a browser.
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

stale=() committed=0
while IFS= read -r manifest; do
  folder=${manifest%/manifest.json}
  again=$out/again/${folder##*/}
  mkdir -p "$again"
  cp "$folder"/manifest.json "$folder"/trials.jsonl "$again/"
  # A report leads to what somebody wrote beside it.
  [ ! -f "$folder/READING.md" ] || cp "$folder/READING.md" "$again/"
  "$wirerace" report "$again" >"$again.txt" </dev/null
  # Of some runs only the SVG files are committed.
  pixels=()
  compgen -G "$folder/charts/*.png" >/dev/null || pixels=(--exclude='*.png')
  for part in report.html report.md summary.csv summary.json charts; do
    diff -rq "${pixels[@]}" "$folder/$part" "$again/$part" || { stale+=("$folder"); break; }
  done
  committed=$((committed + 1))
done < <(git ls-files 'results/*/manifest.json')
[ "$committed" -gt 0 ] || { echo "git knows no results/*/manifest.json: check a clone, not a copy without its history"; exit 1; }
if [ "${#stale[@]}" -gt 0 ]; then
  echo "these committed reports are not what their runs say today; write them again, and look at what changed:"
  printf '  cargo run --release -- report %s\n' "${stale[@]}"
  exit 1
fi
echo "committed reports: $committed, none stale"

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

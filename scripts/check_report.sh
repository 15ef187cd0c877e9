#!/usr/bin/env bash
# Writes the report of the published run twice, elsewhere: at most 5 s each, the same bytes both times. Writes those of all
# committed runs again: what is committed must be what this program says today. Then pages are opened in a browser: the published run's and those of the runs beside it in every way,
# and briefly one page for each picture over a whole run that some committed run has.
#
#   check_report.sh WIRERACE PYTHON [FOLDER WITH FURTHER RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
wirerace=$1 python=$2 further=${3:-}
AXE=4.14.1
MAX_MS=5000
REFERENCE=results/2026-11-30-transports-published
# The README shows a picture of it, too.
FRONTIER=results/2026-11-30-frontier
# As `wirerace report --chart` names them; those of the published run's own page are not among them.
WHOLE_RUN=(decision-map frontier-curves lateness-distance lateness-interval idle clients capacity)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Writes the report of the run whose files lie in a folder, and tells how long that took.
timed_report() {
  local began took_ms
  began=$(date +%s%N)
  "$wirerace" report "$1" >"$1.txt" </dev/null
  took_ms=$((($(date +%s%N) - began) / 1000000))
  echo "wirerace report ${2##*/}: $took_ms ms"
  [ "$took_ms" -lt "$MAX_MS" ] || { echo "that is more than $MAX_MS ms"; exit 1; }
}

for time in first second; do
  mkdir -p "$out/$time/reference"
  cp "$REFERENCE"/manifest.json "$REFERENCE"/trials.jsonl "$out/$time/reference/"
  timed_report "$out/$time/reference" "$REFERENCE"
  rm "$out/$time/reference.txt"
done
diff -r "$out/first" "$out/second" || { echo "the same run gave other bytes"; exit 1; }

# Writes the report of a committed run again, elsewhere.
again() {
  local again=$out/again/${1##*/}
  mkdir -p "$again"
  cp "$1"/manifest.json "$1"/trials.jsonl "$again/"
  # A report leads to what somebody wrote beside it.
  [ ! -f "$1/READING.md" ] || cp "$1/READING.md" "$again/"
  "$wirerace" report "$again" >"$again.txt" </dev/null
}
export -f again
export out wirerace

mapfile -t runs < <(git ls-files 'results/*/manifest.json' | xargs -r -n 1 dirname)
[ "${#runs[@]}" -gt 0 ] || { echo "git knows no results/*/manifest.json: check a clone, not a copy without its history"; exit 1; }
printf '%s\n' "${runs[@]}" | xargs -P "$(nproc)" -I{} bash -c 'set -e; again {}'

stale=()
for folder in "${runs[@]}"; do
  # Of some runs only the SVG files are committed.
  pixels=()
  compgen -G "$folder/charts/*.png" >/dev/null || pixels=(--exclude='*.png')
  for part in report.html report.md summary.csv summary.json charts; do
    diff -rq "${pixels[@]}" "$folder/$part" "$out/again/${folder##*/}/$part" || { stale+=("$folder"); break; }
  done
done
if [ "${#stale[@]}" -gt 0 ]; then
  echo "these committed reports are not what their runs say today; write them again, and look at what changed:"
  printf '  cargo run --release -- report %s\n' "${stale[@]}"
  exit 1
fi
echo "committed reports: ${#runs[@]}, none stale"

# Of each picture the first page that has it, pages that are opened already before others.
brief=("$out/again/${FRONTIER##*/}/report.html")
for picture in "${WHOLE_RUN[@]}"; do
  found=
  for page in "${brief[@]}" "$out"/again/*/report.html; do
    if [ -f "${page%/*}/charts/$picture.svg" ]; then
      found=$page
      break
    fi
  done
  case " ${brief[*]} " in
    *" $found "*) ;;
    *) if [ -n "$found" ]; then brief+=("$found"); else echo "no committed run has the picture $picture"; fi ;;
  esac
done

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
"$python" scripts/check_report.py "${pages[@]}" --brief "${brief[@]}" --axe "$axe" --pictures target/report-pictures

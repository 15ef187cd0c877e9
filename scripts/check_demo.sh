#!/usr/bin/env bash
# Races on the page of `wirerace demo` in a browser: see check_demo.py.
#
#   check_demo.sh WIRERACE PYTHON [OPTION OF check_demo.py…]
set -euo pipefail
cd "$(dirname "$0")/.."
wirerace=$1 python=$2
shift 2
AXE=4.14.1

# The package's own file, without what else npm would install.
axe=target/check-axe/$AXE/package/axe.min.js
if [ ! -f "$axe" ]; then
  mkdir -p "target/check-axe/$AXE"
  (cd "target/check-axe/$AXE" && npm pack --silent "axe-core@$AXE" >/dev/null && tar xzf "axe-core-$AXE.tgz" package/axe.min.js)
fi
"$python" scripts/check_demo.py "$wirerace" --axe "$axe" --pictures target/demo-pictures "$@"

#!/usr/bin/env bash
# Each route of the contract, asked by curl: check_curl.sh WIRERACE
set -euo pipefail
wirerace=$1
work=$(mktemp -d)
"$wirerace" serve --port 0 --rate 20 >"$work/said" 2>"$work/err" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do grep -q 'http://' "$work/said" && break; sleep 0.05; done
base=$(grep -o 'http://[0-9.:]*' "$work/said" | head -n 1)
[ -n "$base" ] || { echo "the server did not say where it listens"; cat "$work/said" "$work/err"; exit 1; }

failed=0
passed=0
# expect NAME PATTERN COMMAND…: the command's output matches the pattern.
expect() {
  local name=$1 pattern=$2
  shift 2
  local out
  out=$("$@" 2>&1 | tr -d "\0" || true)
  if grep -qE "$pattern" <<<"$out"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s: wanted %s, got:\n%s\n' "$name" "$pattern" "$out"
  fi
}
ask() { curl -sS -i --max-time 5 "$@"; }

sleep 0.5 # ten quotes at twenty a second, so that the tape holds some
expect health '"epoch":"[0-9a-z]{4}"' ask "$base/health"
expect polling '"quotes":\[\{"seq":1,' ask "$base/quotes?after=0"
expect 'polling from now' '"quotes":\[\],"next":"[0-9a-z]{4}\.[0-9]+"' ask "$base/quotes"
expect 'long polling' '"quotes":\[\{"seq":[0-9]+' ask "$base/quotes?wait=5"
expect 'binary' 'quotes-next: [0-9a-z]{4}\.[0-9]+' ask --output - -D - "$base/quotes?after=0&encoding=binary" -o /dev/null
expect 'tick' '"0000000001 [0-9]{4}\.[0-9]{4}"' ask "$base/quotes?after=0&encoding=tick"
expect newest 'etag: "[0-9a-z]{4}\.[0-9]+"' ask "$base/quotes/latest"
expect 'server-sent events' 'event: hello' curl -sSN --max-time 1 "$base/events?after=0"
expect 'events carry ids' 'id: [0-9a-z]{4}\.1$' curl -sSN --max-time 1 "$base/events?after=0"
expect 'orders' '"id":"a1"' ask -H 'content-type: application/json' -d '{"id":"a1","symbol":"ALFA","size":5}' "$base/orders"
expect 'upgrade' '^HTTP/1.1 101' ask --max-time 1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
  -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' --output - "$base/socket"
expect 'bad cursor' '^HTTP/1.1 400' ask "$base/quotes?after=nonsense"
expect 'ahead' '^HTTP/1.1 400' ask "$base/quotes?after=$(curl -sS "$base/quotes" | grep -oE '[0-9a-z]{4}\.' | head -n 1)999999"
expect 'foreign epoch' '^HTTP/1.1 410' ask "$base/quotes?after=zzzz.1"
expect 'wait too long' '120' ask "$base/quotes?wait=121"
expect 'unknown parameter' '^HTTP/1.1 400' ask "$base/quotes?atfer=0"
expect 'binary on SSE' '^HTTP/1.1 400' ask "$base/events?encoding=binary"
expect 'unknown path' '^HTTP/1.1 404' ask "$base/nothing"
etag=$(curl -sS -D - -o /dev/null "$base/quotes/latest" | tr -d '\r' | sed -n 's/^etag: //p')
expect 'not modified or newer' '^HTTP/1.1 (304|200)' ask -H "If-None-Match: $etag" "$base/quotes/latest"
echo "curl: $passed passed, $failed failed"
[ "$failed" = 0 ]

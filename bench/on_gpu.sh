#!/usr/bin/env bash
# usage: bench/on_gpu.sh [PART...]
# Checks on a machine with a GPU what no test elsewhere can: each PART (all of them by default) in a process of its
# own, in under 8 minutes together. Needs no network; what is missing is skipped by name. PYTHON names the interpreter
# that the package `assay` is installed for (default: .venv/bin/python, else python3).
# Exit codes: 0 all that ran passed, 1 one failed, 2 could not run, 3 nothing ran.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts=(arrays watch verifier audit sampling vllm)
most_seconds=460   # together
part_seconds=120   # each
device=${ASSAY_CHECKED_DEVICE:-cuda}  # cpu: to see that this program works

if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
  sed -n '2,6s/^# //p' "$0"
  printf 'parts: %s\n' "${parts[*]}"
  exit 0
fi
python=${PYTHON:-.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python3
if ! said=$("$python" -c 'import assay.toploc' 2>&1); then
  printf 'on_gpu.sh: %s cannot import assay (%s): run make build, or name another with PYTHON\n' \
    "$python" "${said##*$'\n'}" >&2
  exit 2
fi
for part in "$@"; do
  case " ${parts[*]} " in
    *" $part "*) ;;
    *) printf 'on_gpu.sh: there is no part %s; there are: %s\n' "$part" "${parts[*]}" >&2; exit 2 ;;
  esac
done
[ $# -eq 0 ] || parts=("$@")

"$python" bench/on_gpu_parts.py machine --device "$device" || exit 2
passed=0 failed=0
row='%-10s %-8s %6s   %s\n'
# shellcheck disable=SC2059  # the format of all rows
printf "$row" part result seconds what
for part in "${parts[@]}"; do
  left=$((most_seconds - SECONDS))
  if [ "$left" -lt 10 ]; then
    # shellcheck disable=SC2059
    printf "$row" "$part" skipped - "$most_seconds s are over"
    continue
  fi
  started=$SECONDS
  said=$(timeout "$((left < part_seconds ? left : part_seconds))" \
    "$python" bench/on_gpu_parts.py "$part" --device "$device" 2>&1)
  status=$?
  case $status in
    0) result=passed; passed=$((passed + 1)) ;;
    77) result=skipped ;;
    124) result=FAILED; failed=$((failed + 1)); said="not done in time" ;;
    *) result=FAILED; failed=$((failed + 1)) ;;
  esac
  # The last line says what came of it; all of them where it failed.
  # shellcheck disable=SC2059
  printf "$row" "$part" "$result" "$((SECONDS - started))" "${said##*$'\n'}"
  [ "$result" != FAILED ] || printf '%s\n' "$said" | sed 's/^/    /'
done
[ "$failed" -eq 0 ] || exit 1
[ "$passed" -gt 0 ] || exit 3

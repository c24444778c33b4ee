# shellcheck shell=bash
# Sourced by the scripts of this folder.
# step TEXT COMMAND...: says in one line what is done and how long it took; shows the command's output only when it
# fails.
step() {
  local text=$1 log started
  shift
  mkdir -p .stamps
  log=$(mktemp .stamps/log.XXXXXX)
  started=$SECONDS
  printf '%s ...' "$text"
  # In a subshell with its own -e, since bash drops it inside a condition.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  local status=$?
  set -e
  if [ $status -ne 0 ]; then
    printf ' failed after %d s. The last lines it printed:\n' $((SECONDS - started))
    tail -n 40 "$log" | sed 's/^/    /'
    printf 'All of it is in %s\n' "$log"
    return $status
  fi
  rm -f "$log"
  printf ' done in %d s\n' $((SECONDS - started))
}

# digest FILE...: one hash of the contents and names of files.
digest() {
  sha256sum -- "$@" | sha256sum | cut -c1-32
}

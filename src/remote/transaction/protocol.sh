# unitfleet transaction: changes one host, step by step, or puts back what it changed.
# The same bytes for every host and every run. On standard input follow one line `unitfleet-transaction 1 NONCE SIZE`,
# SIZE bytes of lines (words or tab-separated fields, the last line is `end`), then the payloads, one after the other.
# The answer is frames as in the gather. Nothing is touched before all of that has arrived and its hashes are right.
# A controller that goes away stops nothing: standard input is read first, and a broken pipe is ignored.
# shellcheck shell=sh disable=SC2015,SC2046,SC2086 # lists are split (IFS) on purpose, with globbing off

frame() { printf '\n@@%s %s\n' "$nonce" "$1"; }

# Ends before anything was touched: "$1" is a word for the program, "$2" text for people.
refuse() {
  if [ -n "$run_dir" ]; then rm -rf -- "$run_dir"; fi
  cat >/dev/null
  frame "refused $1 $2"
  frame 'end refused'
  exit 0
}

# Runs a command and keeps what it says, on one line, in `said`.
attempt() {
  flat=$("$@" 2>&1 </dev/null)
  status=$?
  said=''
  for word in $flat; do said=${said:+$said; }$word; done
  if [ "$status" -ne 0 ]; then said=${said:-"\`$1\` failed with status $status"}; fi
  return "$status"
}

# "$1" step, "$2" status, "$3" text.
tell() {
  frame "step $1 $2${3:+ $3}"
  printf 'step %s %s%s\n' "$1" "$2" "${3:+ $3}" >>"$run_dir/journal"
}

fail() {
  failure=${failure:-$2}
  if [ -z "$group" ]; then broken=yes; fi
  tell "$1" failed "$2"
}

# The end of a step whose last command had the status "$2".
conclude() { if [ "$2" = 0 ]; then tell "$1" 'done'; else fail "$1" "$said"; fi; }

# ---- reading

read_control() {
  run='' who='' settle=1 bound=300 takes='' sums='' ledgers='' stays='' inputs='' steps=''
  for line in $control; do
    case $line in
      "step$TAB"*) steps=$steps${line#step?}$NL ;;
      'take '*) takes=$takes${line#take }$NL ;;
      'sum '*) sums=$sums${line#sum }$NL ;;
      'ledger '*) ledgers=$ledgers${line#ledger }$NL ;;
      'stays '*) stays=$stays${line#stays }$NL ;;
      'inputs '*) inputs=$inputs${line#inputs }$NL ;;
      'run '*) run=${line#run } ;;
      'who '*) who=${line#who } ;;
      'settle '*) settle=${line#settle } ;;
      'bound '*) bound=${line#bound } ;;
    esac
  done
}

# Everything that the run needs, into a directory that only root can read.
stage() {
  base=/var/lib/unitfleet
  for dir in $base $base/ledger $base/masked /run/unitfleet /run/unitfleet/started; do
    if ! [ -d "$dir" ]; then attempt mkdir -p -m 0755 -- "$dir" || refuse state "$said"; fi
  done
  if ! [ -d $base/runs ]; then attempt mkdir -m 0700 -- $base/runs || refuse state "$said"; fi
  attempt mkdir -m 0700 -- "$base/runs/$run" || refuse state "$said"
  run_dir=$base/runs/$run
  attempt mkdir -- "$run_dir/payload" "$run_dir/snapshot" || refuse state "$said"
  number=0
  for size in $takes; do
    number=$((number + 1))
    head -c "$size" >"$run_dir/payload/$number" || refuse state "cannot write to $run_dir"
  done
  if [ -n "$sums" ] && ! (cd "$run_dir/payload" && printf '%s' "$sums" | sha256sum -c >/dev/null 2>&1); then
    refuse request 'what was sent did not arrive whole'
  fi
}


# ---- the lock

# The start of a process in clock ticks, which tells it from a later one with the same number.
ticks() {
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  IFS=' '
  set -- ${stat##*) }
  IFS=$NL
  began=${20}
}

# Whether the writer of the lock in `held` still runs.
holder_lives() {
  pid='' since_ticks='' booted=''
  for line in $held; do
    case $line in
      'pid '*) pid=${line#pid } ;;
      'began '*) since_ticks=${line#began } ;;
      'boot '*) booted=${line#boot } ;;
    esac
  done
  [ "$booted" = "$boot" ] && ticks "$pid" && [ "$began" = "$since_ticks" ]
}

# The lock is a file that appears whole or not at all.
make_lock() {
  ln -- "$base/.lock-$run" "$lock" 2>/dev/null && rm -f -- "$base/.lock-$run"
}

take_lock() {
  lock=$base/lock
  read -r boot </proc/sys/kernel/random/boot_id
  ticks "$$"
  umask 022
  printf '%s\n' 'unitfleet-lock 1' "run $run" "who $who" "since $begun" "pid $$" "began $began" "boot $boot" end >"$base/.lock-$run"
  umask 077
  if make_lock; then return; fi
  held=$(cat "$lock" 2>/dev/null)
  if [ -z "$held" ]; then
    # It was released in the meantime, or cannot be made at all.
    if make_lock; then return; fi
    held=$(cat "$lock" 2>/dev/null)
    # An empty one is what a power cut leaves: its bytes never reached the disk, and nobody holds it.
    if ! [ -f "$lock" ]; then refuse_lockless state "cannot make $lock"; fi
  fi
  if holder_lives; then refuse_locked; fi
  # The holder is gone. Only who succeeds it may remove its lock, and looks again before.
  take_claim || refuse_locked
  if [ "$(cat "$lock" 2>/dev/null)" = "$held" ]; then rm -f -- "$lock"; fi
  if make_lock; then taken=yes; else taken=''; fi
  rm -f -- "$claim"
  [ -n "$taken" ] || refuse_locked
  frame takeover
  printf '%s\n' "$held"
  # Nobody needs what was sent to it any more, and secrets are among that.
  for line in $held; do
    case $line in
      'run '*[!A-Za-z0-9._-]* | 'run .'*) ;;
      'run '?*) rm -rf -- "$base/runs/${line#run }/payload" ;;
    esac
  done
}

# Every process that is gone has one successor, which is who made the link of its name. Where that one is gone as well, it
# has a successor of its own.
take_claim() {
  gone=${pid:-0}-${since_ticks:-0}
  while :; do
    claim=/run/unitfleet/takeover-$gone
    ticks "$$"
    ln -s -- "$$-$began" "$claim" 2>/dev/null && return
    gone=$(readlink -- "$claim") || return 1
    if ticks "${gone%-*}" && [ "$began" = "${gone#*-}" ]; then return 1; fi
  done
}

refuse_locked() {
  frame locked
  printf '%s\n' "$held"
  refuse_lockless locked 'another run holds the lock'
}

refuse_lockless() {
  rm -f -- "$base/.lock-$run"
  refuse "$1" "$2"
}

# ---- the snapshot

# What could not be written down could not be put back: a full disk ends the run here.
# shellcheck disable=SC2059
note() { printf "$@" || refuse_unlocked "cannot write to $run_dir"; }

# Writes down what is at "$1", and keeps a copy of a file.
keep() {
  case $NL$kept in *"$NL$1$NL"*) return ;; esac
  kept=$kept$1$NL number=$((number + 1))
  if [ -h "$1" ]; then
    said=$(readlink -- "$1") || refuse_unlocked "cannot read the link $1"
    case $said in *[[:cntrl:]]*) refuse_unlocked "the target of the link $1 holds a control character" ;; esac
    note 'L\t%s\t%s\t%s\n' "$1" "$said" "$(stat -c '%u:%g' -- "$1")"
  elif [ -f "$1" ]; then
    attempt cp -a -- "$1" "$run_dir/snapshot/$number" || refuse_unlocked "$said"
    note 'F\t%s\t%s\n' "$1" "$number"
  elif [ -d "$1" ]; then
    note 'D\t%s\t%s\n' "$1" "$(stat -c "%a$TAB%u$TAB%g" -- "$1")"
  elif [ -e "$1" ]; then
    note 'O\t%s\n' "$1"
  else
    note 'A\t%s\n' "$1"
  fi
}

keep_attributes() {
  if [ -e "$1" ] && ! [ -h "$1" ]; then note 'M\t%s\t%s\n' "$1" "$(stat -c "%a$TAB%u$TAB%g" -- "$1")"; fi
}

snapshot() {
  kept='' number=0
  true >"$run_dir/snapshot/paths" || refuse_unlocked "cannot write to $run_dir"
  for line in $steps; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    case $3 in
      dir) keep "$7" ;;
      write) keep "$8" ;;
      seal) keep "$9" ;;
      attr) keep_attributes "$7" ;;
      rmdir | rm | link | unlink) keep "$4" ;;
      mask | unmask)
        keep "$UNITS/$4"
        keep "/run/systemd/system/$4"
        keep "$base/masked/$4"
        ;;
    esac
  done >>"$run_dir/snapshot/paths"
  for line in $ledgers; do keep "$base/ledger/${line%% *}"; done >>"$run_dir/snapshot/paths"
}

refuse_unlocked() {
  rm -f -- "$lock"
  refuse state "$1" >&3
}


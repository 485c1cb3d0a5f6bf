# ---- the order of things

run_steps() {
  for line in $steps; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    index=$1 verb=$3 key=$2-$3
    shift 3
    case $verb in write | seal) ;; *) flush_writes ;; esac
    if [ "$key" != "$group_key" ]; then flush_units; fi
    if [ -n "$failure" ] && [ -z "$committed" ]; then flush_writes; return; fi
    case $verb in
      stop | start | restart | reload | reset)
        group=$group$index$TAB$1$NL group_key=$key group_verb=$verb
        continue
        ;;
    esac
    group_key=''
    case $verb in
      user-create) step_user_create "$index" "$@" ;;
      user-modify) step_user_modify "$index" "$@" ;;
      user-remove) step_user_remove "$index" "$@" ;;
      user-join) step_user_join "$index" "$@" ;;
      dir) step_dir "$index" "$@" ;;
      rmdir) step_rmdir "$index" "$@" ;;
      attr) step_attr "$index" "$@" ;;
      below) step_below "$index" "$@" ;;
      write) step_write "$index" "$@" ;;
      seal) step_seal "$index" "$@" ;;
      rm) step_rm "$index" "$@" ;;
      link) step_link "$index" "$@" ;;
      unlink) step_unlink "$index" "$@" ;;
      mask) step_mask "$index" "$@" ;;
      unmask) step_unmask "$index" "$@" ;;
      daemon-reload) step_daemon_reload "$index" ;;
      gate) step_gate "$index" "$@" ;;
      # Nothing but the ledger changes, and that is written with all others.
      adopt) tell "$index" 'done' ;;
      *) fail "$index" "this script knows no step \`$verb\`" ;;
    esac
  done
  flush_writes
  if [ -n "$failure" ] && [ -z "$committed" ]; then return; fi
  flush_units
}

# Units that the steps act on, each once, and with them those for which a record may be written.
list_units() {
  acted=''
  for line in $steps; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    case $3 in
      stop | start | restart | reload) case $NL$acted in *"$NL$4$NL"*) ;; *) acted=$acted$4$NL ;; esac ;;
    esac
  done
  watched=$acted
  for line in $inputs; do
    case $NL$watched in *"$NL${line%% *}$NL"*) ;; *) watched=$watched${line%% *}$NL ;; esac
  done
}

# Is the unit where the step wanted it, and did it stay there? `was` is its state before the settle window.
is_well() {
  case $1 in
    stop) case $active in inactive | failed) return 0 ;; *) return 1 ;; esac ;;
  esac
  case $active in active) ;; *) return 1 ;; esac
  case $sub in auto-restart* | start*) return 1 ;; esac
  case $1:$reload in reload:- | reload:success) ;; reload:*) return 1 ;; esac
  [ "$job" = - ] || [ "$job" = 0 ] || return 1
  now=$invocation/$restarts
  state_in "$was" "$unit"
  [ "$now" = "$invocation/$restarts" ]
}

# The last action on each unit decides what it should be.
show_units() {
  [ -n "$watched" ] || return
  was=$(states $watched) ill=$unmoved
  if [ -n "$stirred" ]; then
    frame "settle $settle"
    sleep "$settle" 2>/dev/null || sleep $((${settle%%.*} + 1))
  fi
  frame before
  printf '%s\n' "$was"
  set -- $watched
  told=$(systemctl show --no-pager -p "$PROPERTIES" -- "$@" </dev/null)
  frame "show $? $#"
  printf '%s\n' "$@" "$told"
  seen=$(printf '%s\n' "$told" | read_states "$@")
  frame passed-over
  printf '%s' "$passed_over"
  for unit in $acted; do
    case $NL$passed_over in *"$NL$unit$NL"*) continue ;; esac
    wanted=start
    for line in $steps; do
      case $line in
        *"${TAB}stop$TAB$unit") wanted=stop ;;
        *"start$TAB$unit") wanted=start ;;
        *"${TAB}reload$TAB$unit") wanted=reload ;;
      esac
    done
    state_in "$seen" "$unit"
    last=$invocation
    if ! is_well "$wanted"; then
      ill=$ill$unit$NL
      show_journal "$unit" "$last"
    fi
  done
  mark_started
}

# Whether the process `now` of `unit` runs with the files as they are after the steps: it was started when they were in
# place, or took them up by a reload, or needed nothing done and is the one that ran before the first step.
took_up() {
  state_in "$baseline" "$unit"
  if [ "$active" = unknown ]; then return 1; fi
  if [ "$invocation" != "$now" ]; then return; fi
  case $NL$reloaded in *"$NL$unit$NL"*) return ;; esac
  case $NL$acted in *"$NL$unit$NL"*) return 1 ;; esac
  state_in "$opening" "$unit"
  [ "$invocation" = "$now" ]
}

# What each unit was started with, beside the invocation that it is about.
mark_started() {
  # What was stopped has nothing that it was started with.
  for unit in $halted; do
    state_in "$seen" "$unit"
    if [ "$active" != active ]; then rm -f -- "/run/unitfleet/started/$unit"; fi
  done
  if [ -n "$broken" ]; then return; fi
  umask 022
  for line in $inputs; do
    unit=${line%% *}
    case $NL$ill in *"$NL$unit$NL"*) continue ;; esac
    state_in "$seen" "$unit"
    now=$invocation
    if [ "$active" = active ] && [ "$now" != - ] && took_up; then
      # What a secret went into hashes to something that could be tried out: such a record is root's alone.
      rm -f -- "/run/unitfleet/started/$unit"
      case $line in *-secret) umask 077 ;; *) umask 022 ;; esac
      printf '%s %s\n' "$now" "${line#* }" >"/run/unitfleet/started/$unit"
    fi
  done
  umask 077
}

# Frees the room of the payload and of old runs; the journal of the steps and the snapshot stay.
clean_up() {
  rm -rf -- "$run_dir/payload" "$run_dir/intent"
  number=0
  # Names of runs are plain words.
  # shellcheck disable=SC2045
  for name in $(ls -1t "$base/runs"); do
    number=$((number + 1))
    if [ "$number" -gt 10 ] && [ "$name" != "$run" ]; then rm -rf -- "${base:?}/runs/$name"; fi
  done
  rm -f -- "$lock"
}

finish() {
  printf 'end %s\n' "$1" >>"$run_dir/journal"
  clean_up
  frame "end $1"
  exit 0
}

apply() {
  if write_intent; then
    run_steps
  else
    failure="cannot write the ledger: $said"
  fi
  if [ -n "$failure" ] && [ -z "$committed" ]; then
    frame "failure $failure"
    restore
    if [ -n "$left" ]; then finish unrestored; else finish restored; fi
  fi
  commit
  show_units
  # Where a step on files failed late, or a unit did not stop, the ledger keeps what was and what was meant.
  if [ -z "$broken$lingering" ] && ! write_ledgers; then failure=${failure:-"cannot write the ledger: $said"}; fi
  remove_parents
  flush_directories
  if [ -n "$failure" ]; then
    frame "failure $failure"
    finish failed
  fi
  finish 'done'
}

main() {
  trap '' PIPE HUP
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  LC_ALL=C TZ=UTC SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0 SYSTEMD_PAGER='' SYSTEMD_LOG_LEVEL=notice
  export PATH LC_ALL TZ SYSTEMD_COLORS SYSTEMD_URLIFY SYSTEMD_PAGER SYSTEMD_LOG_LEVEL
  unset LANG LANGUAGE POSIXLY_CORRECT
  umask 077
  cd / || exit 64
  UNITS=/etc/systemd/system
  PROPERTIES=Id,Names,LoadState,LoadError,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,CanReload,RefuseManualStart,RefuseManualStop,Type,RemainAfterExit,Result,MainPID,ExecMainCode,ExecMainStatus,NRestarts,InvocationID,ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic,ConditionResult,Job,Triggers,TriggeredBy,Transient,AssertResult,ReloadResult
  TAB='	'
  NL='
'
  run_dir=''
  IFS=' ' read -r magic format nonce size || exit 64
  [ "$magic $format" = 'unitfleet-transaction 1' ] || exit 64
  set -f
  IFS=$NL
  frame 'begin 1'
  if [ "$(id -u)" != 0 ]; then refuse privilege "$(id -un)"; fi
  [ -d /run/systemd/system ] || refuse systemd 'the host was not booted with systemd'
  control=$(head -c "$size")
  case $NL$control in *"${NL}end") ;; *) refuse request 'what was sent did not arrive whole' ;; esac
  read_control
  stage
  exec 3>&1 </dev/null
  begun=$(date +%s)
  take_lock
  ODD=' 	\*?['
  created='' left_behind='' soiled='' pending='' temps='' owned='' new_users='' new_groups='' joined='' changed_users='' gone_users=''
  failure='' committed='' broken='' lingering='' unmoved='' stirred='' synced='' fresh='' reloaded='' halted='' passed_over='' group='' group_key='' group_verb=''
  if command -v selinuxenabled >/dev/null && selinuxenabled; then selinux=yes; else selinux=''; fi
  snapshot
  list_units
  opening=''
  if [ -n "$watched" ]; then opening=$(states $watched); fi
  frame applying
  apply
}

main

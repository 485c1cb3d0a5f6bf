# ---- systemd

reload_manager() {
  fresh=''
  true >/run/unitfleet/reloading
  attempt systemctl --no-ask-password daemon-reload || attempt systemctl --no-ask-password daemon-reload || return 1
  # Dated before the reload began: what was written after that may not have been read.
  chmod 0644 /run/unitfleet/reloading
  mv -f /run/unitfleet/reloading /run/unitfleet/reloaded
}

step_daemon_reload() {
  flush_directories
  reload_manager; conclude "$1" "$?"
}

# One line for each unit in "$@": name, ActiveState, SubState, InvocationID, NRestarts, LoadState, ReloadResult, Job.
states() {
  systemctl show --no-pager -p ActiveState,SubState,InvocationID,NRestarts,LoadState,ReloadResult,Job -- "$@" </dev/null |
    read_states "$@"
}

# The same from blocks on standard input, in the order of "$@".
read_states() {
  active='' sub='' invocation='' restarts='' load='' reload='' job=''
  while IFS= read -r line || [ -n "$active" ]; do
    value=${line#*=}
    case $line in
      ActiveState=*) active=$value ;;
      SubState=*) sub=$value ;;
      InvocationID=*) invocation=$value ;;
      NRestarts=*) restarts=$value ;;
      LoadState=*) load=$value ;;
      ReloadResult=*) reload=$value ;;
      Job=*) job=$value ;;
      '')
        printf '%s\n' "$1$TAB$active$TAB$sub$TAB${invocation:--}$TAB${restarts:--}$TAB$load$TAB${reload:--}$TAB${job:--}"
        shift
        active='' sub='' invocation='' restarts='' load='' reload='' job=''
        ;;
    esac
  done
}

# Finds the line of "$2" in "$1" and takes it apart.
state_in() {
  active=unknown sub=- invocation=- restarts=- load=- reload=- job=-
  for state in $1; do
    case $state in
      "$2$TAB"*)
        IFS=$TAB
        set -- $state
        IFS=$NL
        active=$2 sub=$3 invocation=$4 restarts=$5 load=$6 reload=$7 job=$8
        return
        ;;
    esac
  done
}

# "$1" step, then the units, every one of which must load.
step_gate() {
  gate=$1
  shift
  flush_directories
  if [ $# -eq 0 ]; then tell "$gate" 'done'; commit; return; fi
  seen=$(states "$@") refused=''
  for unit do
    state_in "$seen" "$unit"
    if [ "$load" = loaded ]; then continue; fi
    refused=$refused${refused:+, }$unit
    frame "gate $unit"
    systemctl show --no-pager -p "$PROPERTIES" -- "$unit" </dev/null
    show_journal "$unit" -
  done
  if [ -n "$refused" ]; then fail "$gate" "systemd does not load $refused"; else tell "$gate" 'done'; commit; fi
}

# From here on units are touched, and files are not put back.
commit() {
  if [ -n "$committed" ]; then return; fi
  committed=yes
  flush_directories
  baseline=''
  if [ -n "$watched" ]; then baseline=$(states $watched); fi
  fresh=$baseline
}

call() { fresh=''; attempt timeout -k 5 "$bound" systemctl --no-ask-password --no-pager "$@"; }

# Units of one action and one wave, in `group` as lines of step and unit.
flush_units() {
  if [ -z "$group" ]; then return; fi
  commit
  members='' todo='' waiting=''
  if [ -n "$broken" ]; then keep_halted; fi
  for entry in $group; do members=$members${entry#*"$TAB"}$NL; done
  if [ -z "$members" ]; then return; fi
  case $group_verb in
    reset) call reset-failed -- $members; for entry in $group; do tell "${entry%%"$TAB"*}" 'done'; done ;;
    stop) stop_units ;;
    *) start_units ;;
  esac
  group=''
}

# The files are not as they should be: nothing is started with them but what this run itself stopped.
keep_halted() {
  case $group_verb in start | restart | reload) ;; *) return ;; esac
  rest=''
  for entry in $group; do
    case $NL$halted in
      *"$NL${entry#*"$TAB"}$NL"*) rest=$rest$entry$NL ;;
      *) passed_over=$passed_over${entry#*"$TAB"}$NL ;;
    esac
  done
  group=$rest
}

# The states of the units of the group; those that were read last will do as long as nothing was called since.
look_at_members() {
  if [ -n "$fresh" ]; then seen=$fresh; else seen=$(states $members); fi
}

stop_units() {
  look_at_members
  for entry in $group; do
    state_in "$seen" "${entry#*"$TAB"}"
    case $active in
      inactive) tell "${entry%%"$TAB"*}" already ;;
      *) todo=$todo${entry#*"$TAB"}$NL waiting=$waiting$entry$NL ;;
    esac
  done
  [ -n "$todo" ] || return
  call stop -- $todo
  answer=$said seen=$(states $todo) fallen=''
  for entry in $waiting; do
    state_in "$seen" "${entry#*"$TAB"}"
    case $active in
      inactive) halted=$halted${entry#*"$TAB"}$NL; tell "${entry%%"$TAB"*}" 'done' ;;
      failed) halted=$halted${entry#*"$TAB"}$NL fallen=$fallen${entry#*"$TAB"}$NL; tell "${entry%%"$TAB"*}" 'done' ;;
      *) lingering=yes; fail "${entry%%"$TAB"*}" "still $active ($sub) after stop${answer:+: $answer}" ;;
    esac
  done
  if [ -n "$fallen" ]; then call reset-failed -- $fallen; fi
}

# Starts, restarts and reloads. What they led to is judged after the settle window, not by exit codes.
start_units() {
  look_at_members
  for entry in $group; do
    unit=${entry#*"$TAB"}
    state_in "$opening" "$unit"
    at_first=$active
    state_in "$baseline" "$unit"
    first=$active/$invocation
    state_in "$seen" "$unit"
    case $group_verb:$active in
      start:active | start:reloading | start:refreshing) tell "${entry%%"$TAB"*}" already ;;
      restart:active | restart:activating | restart:reloading)
        case $first in
          unknown/* | */"$invocation") todo=$todo$unit$NL waiting=$waiting$entry$NL ;;
          *) tell "${entry%%"$TAB"*}" already 'it was restarted together with another unit' ;;
        esac
        ;;
      restart:inactive)
        # Only what runs is planned to be restarted: somebody stopped it since, and had a reason.
        case $at_first in
          inactive) passed_over=$passed_over$unit$NL; tell "${entry%%"$TAB"*}" already 'it is not running any more' ;;
          *) todo=$todo$unit$NL waiting=$waiting$entry$NL ;;
        esac
        ;;
      *) todo=$todo$unit$NL waiting=$waiting$entry$NL ;;
    esac
  done
  [ -n "$todo" ] || return
  stirred=yes
  if [ "$group_verb" != reload ]; then call reset-failed -- $todo; fi
  answer=''
  call "$group_verb" -- $todo || answer=$said
  if [ -n "$answer" ]; then seen=$(states $todo); fi
  for entry in $waiting; do
    unit=${entry#*"$TAB"}
    if [ -n "$answer" ] && is_refused; then
      unmoved=$unmoved$unit$NL
      if [ "$group_verb" = start ]; then
        why=${answer#*"Failed to start $unit: "}
        fail "${entry%%"$TAB"*}" "$unit was not started: ${why%%; *}"
      else
        fail "${entry%%"$TAB"*}" "$unit still runs as before: $answer"
      fi
    else
      if [ "$group_verb" = reload ]; then reloaded=$reloaded$unit$NL; fi
      tell "${entry%%"$TAB"*}" 'done'
    fi
  done
}

# Whether `answer` is about this unit, and not only about one whose name ends or begins like it.
names_unit() {
  rest=$answer
  while :; do
    case $rest in *"$unit"*) ;; *) return 1 ;; esac
    left_of=${rest%%"$unit"*} rest=${rest#*"$unit"}
    case $left_of in *[A-Za-z0-9:_.@\\-]) continue ;; esac
    case $rest in [A-Za-z0-9:_@\\-]* | .[A-Za-z0-9]*) continue ;; esac
    return 0
  done
}

# systemd did not take the job on: what runs is what ran before, and looks well.
is_refused() {
  state_in "$baseline" "$unit"
  first=$active/$invocation
  state_in "$seen" "$unit"
  case $group_verb in
    # A unit that it needs does not exist, is masked or cannot be read: no journal tells of it.
    start) case $answer in *"Failed to start $unit: "*) [ "$active" = inactive ] ;; *) return 1 ;; esac ;;
    restart) [ "$active" = active ] && [ "$first" = "$active/$invocation" ] ;;
    reload)
      case $reload in - | success) ;; *) return 1 ;; esac
      names_unit || return 1
      ;;
    *) return 1 ;;
  esac
}

# The last lines of this very invocation, or what was said about the unit since the run began.
show_journal() {
  if [ -z "$synced" ]; then timeout 20 journalctl --sync </dev/null >/dev/null 2>&1; fi
  synced=yes lines=''
  if [ "$2" != - ]; then
    set -- "$1" "_SYSTEMD_INVOCATION_ID=$2" + "INVOCATION_ID=$2"
    # Of a process that was gone before journald looked, the lines carry its unit but no invocation (seen on 257).
    process=$(systemctl show --no-pager -p ExecMainPID -- "$1" </dev/null)
    process=${process#*=}
    case $process in '' | 0) ;; *) set -- "$@" + "_SYSTEMD_UNIT=$1" "_PID=$process" ;; esac
    ill_unit=$1
    shift
    lines=$(timeout 20 journalctl -q --no-pager -b -o cat -n 20 "$@" </dev/null 2>/dev/null)
    set -- "$ill_unit"
  fi
  if [ -z "$lines" ]; then
    lines=$(timeout 20 journalctl -q --no-pager -o cat -n 20 -u "$1" --since "@$begun" </dev/null 2>/dev/null)
  fi
  frame "journal $1"
  printf '%s\n' "$lines"
}


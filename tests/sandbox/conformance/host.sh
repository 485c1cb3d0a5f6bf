# Runs on a host. Each row of the table is a folder /run/cf/rows/N with the files kind, with, old, new, probe and effect.
# `host.sh all` writes one line for each row and moment: N, moment, main PID, invocation, what the probe found.
# Moments: before (old value), reloaded (new value, daemon-reload only), done (what the class asks for was done), and
# for a behaviour: old (a twin that has the old value), new (changed and reloaded, never started again).

R=/run/cf/rows S=/etc/systemd/system
export LC_ALL=C TZ=UTC

unit() { echo "cf$1.$(cat $R/$1/kind)"; }
twin() { echo "cf$1-twin.$(cat $R/$1/kind)"; }
name() { basename "$1" ".${1##*.}"; }

# What a unit of each kind needs besides the row's own settings.
base() {
  case $2 in
    service) grep -q '^ExecStart=' "$R/$1/with" "$R/$1/$4" || echo 'ExecStart=/bin/sleep infinity' ;;
    mount) printf 'Where=/cf/%s\nType=tmpfs\n' "$3" ;;
    *) ;;
  esac
}

section() { case $1 in slice) echo Slice ;; *) echo "$1" | sed 's/^./\U&/' ;; esac; }

# write N UNIT old|new
write() {
  kind=$(cat $R/$1/kind)
  {
    if [ "$kind" != target ]; then echo "[$(section "$kind")]"; fi
    if [ "$kind" != target ]; then base "$1" "$kind" "$(name "$2")" "$3"; fi
    cat $R/$1/with $R/$1/$3
  } >"$S/$(file "$2")"
  case $kind in
    socket | timer | path) printf '[Service]\nExecStart=/bin/sleep infinity\n' >"$S/$(name "$2").service" ;;
  esac
}

# A mount is named after its path.
file() { case $1 in *.mount) echo "cf-$(name "$1" | sed 's/-/\\x2d/g').mount" ;; *) echo "$1" ;; esac; }

pid() { systemctl show -p MainPID --value -- "$(file "$1")"; }

probe() {
  u=$1 f=$(file "$1") p=$(pid "$1") what=$2
  arg=${what#* }
  case $what in
    'limit '*) awk -v n="$arg" 'index($0, n) == 1 { print substr($0, length(n) + 1) }' /proc/$p/limits ;;
    'environ '*) tr '\0' '\n' </proc/$p/environ | grep "^$arg=" || echo none ;;
    'status '*) sed -n "s/^$arg:[[:space:]]*//p" /proc/$p/status ;;
    'proc '*) tr '\0' ' ' </proc/$p/$arg ;;
    'link '*) readlink /proc/$p/$arg ;;
    'own '*) if [ "$(readlink /proc/$p/ns/$arg)" = "$(readlink /proc/1/ns/$arg)" ]; then echo shared; else echo own; fi ;;
    'mounts '*) grep -c " $arg " /proc/$p/mountinfo ;;
    'mount '*) grep " $arg " /proc/$p/mountinfo | tail -n 1 ;;
    'show '*) systemctl show -p "$arg" -- "$f" ;;
    'cgroup '*)
      c=${arg%% *} g=$(systemctl show -p ControlGroup --value -- "$f")
      cat "/sys/fs/cgroup/$c$g/${arg#* }" ;;
    'sh '*) eval "$arg" ;;
  esac 2>&1 | tr '\n' ' '
}

line() {
  i=$(systemctl show -p InvocationID --value -- "$(file "$2")")
  printf '@@ %s %s %s %s %s\n' "$1" "$3" "$(pid "$2")" "${i:-none}" "$(probe "$2" "$4")"
}

each() { for n in $(ls $R | sort -n); do "$@" "$n"; done; }
is_behaviour() { case $(cat $R/$1/probe) in 'behave '*) return 0 ;; *) return 1 ;; esac; }

write_old() {
  write "$1" "$(unit "$1")" old
  if is_behaviour "$1"; then write "$1" "$(twin "$1")" old; fi
}
write_new() { write "$1" "$(unit "$1")" new; }
names() { file "$(unit "$1")"; if is_behaviour "$1"; then file "$(twin "$1")"; fi; }
look() { if is_behaviour "$2"; then line "$2" "$(unit "$2")" "$1" 'show ActiveState'; else line "$2" "$(unit "$2")" "$1" "$(cat $R/$2/probe)"; fi; }

act() {
  if is_behaviour "$1"; then return; fi
  f=$(file "$(unit "$1")")
  case $(cat $R/$1/effect) in
    restart | next-start) echo "$f" >>/run/cf/restart ;;
    rebind) systemctl stop "$f" "$(name "$f").service"; systemctl start "$f" ;;
    remount) systemctl reload "$f" ;;
  esac
}

behave() {
  if ! is_behaviour "$1"; then return; fi
  script=$(cat $R/$1/probe)
  script=${script#behave }
  for which in old new; do
    if [ $which = old ]; then u=$(twin "$1"); else u=$(unit "$1"); fi
    (
      f=$(file "$u") n=$(name "$u") p=$(pid "$u")
      said=$(eval "$script" 2>&1 | tr '\n' ' ')
      printf '@@ %s %s 0 none %s\n' "$1" "$which" "$said"
    ) &
  done
  # A few at a time, or the host is too busy to be on time.
  busy=$((busy + 1))
  if [ $((busy % 8)) = 0 ]; then wait; fi
}

state() { systemctl show -p ActiveState --value -- "$1"; }

all() {
  # The controllers of version 1 that the container is not given to write to by itself.
  for c in pids cpu cpuacct memory blkio devices; do mount -o remount,bind,rw /sys/fs/cgroup/$c 2>/dev/null; done
  systemctl daemon-reexec
  systemctl set-environment CFPASS=passed
  mkdir -p /run/cf/f /cf
  printf 'FROM=one\n' >/run/cf/env1; printf 'FROM=two\n' >/run/cf/env2
  printf one >/run/cf/cred1; printf two >/run/cf/cred2
  printf '[Service]\nType=oneshot\nExecStart=/bin/touch /run/cf/f/alarm-%%i\n' >$S/cf-alarm@.service
  printf '[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/touch /run/cf/f/reloaded-%%i\n' >$S/cf-h@.service
  printf '[Unit]\nDescription=x\n' >$S/cf-t@.target
  each write_old
  systemctl daemon-reload
  systemctl start $(each helpers) $(each names)
  sleep 1
  each look before
  each write_new
  systemctl daemon-reload
  sleep 1
  each look reloaded
  rm -f /run/cf/restart
  each act
  if [ -e /run/cf/restart ]; then systemctl restart $(cat /run/cf/restart); fi
  sleep 1
  each look done
  each behave
  wait
}

# Units that a row's own settings name and that run beside it.
helpers() {
  grep -qs 'cf-h@%N' $R/$1/helper || return
  for u in $(unit "$1") $(twin "$1"); do echo "cf-h@$(name "$u").service"; done
}

# Writes what the probe finds of one unit: ask UNIT PROBE.
ask() { probe "$1" "$2"; echo; }

"$@"

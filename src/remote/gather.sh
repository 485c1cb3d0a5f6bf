# unitfleet gather: says what one host looks like, and changes nothing on it.
# The same bytes for every host and every run. The question follows on standard input:
# one line `unitfleet-gather 1 NONCE SIZE`, then SIZE bytes of lines (the words below), the last of which is `end`.
# The answer is frames: a line `@@NONCE WORD ...`, then the frame's body up to the next such line.
# A plan waits for this, and a process costs the host a millisecond: what the shell can do by itself, it does.
# shellcheck shell=sh disable=SC2086 # lists are split at newlines (IFS) on purpose, with globbing off

frame() { printf '\n@@%s %s\n' "$nonce" "$1"; }

give_up() {
  frame "fail $1"
  frame end
  exit 0
}

# Runs "$1" over the lines of "$2", 500 at a time: the kernel bounds the length of an argument list.
in_chunks() {
  chunk='' count=0
  for item in $2; do
    chunk=$chunk$item$NL count=$((count + 1))
    if [ "$count" -ge 500 ]; then "$1" $chunk; chunk='' count=0; fi
  done
  if [ "$count" -gt 0 ]; then "$1" $chunk; fi
}

# A unit that shall be shown. Names that systemctl would mangle, expand or refuse would break the order of its answer.
add_unit() {
  case $1 in *[!A-Za-z0-9:_.@\\-]* | .* | '') return ;; esac
  case ${1%.*} in *@) return ;; esac
  case $1 in
    *.service | *.socket | *.timer | *.path | *.target | *.mount | *.automount | *.swap | *.slice | *.device | *.scope)
      units=$units$1$NL grown=1 ;;
  esac
}

# Remembers what is at a path: everything for stat, links for readlink, readable files for the list named by "$2".
look() {
  case $1 in *[[:cntrl:]]*) return ;; esac
  if [ -h "$1" ]; then
    symlinks=$symlinks$1$NL stats=$stats$1$NL
    if [ -f "$1" ] && real=$(readlink -f -- "$1"); then look "$real" "$2"; fi
    return
  fi
  if [ -f "$1" ]; then
    if [ -r "$1" ]; then
      # Seen already: a unit file is a candidate and a file to be checked, an environment file may be ours.
      case $NL$content$NL$hashed in *"$NL$1$NL"*) return ;; esac
      case $2 in content) content=$content$1$NL ;; *) hashed=$hashed$1$NL ;; esac
    fi
  elif [ -d "$1" ]; then
    weigh "$1"
  elif ! [ -e "$1" ]; then
    missing "$1"
    return
  fi
  stats=$stats$1$NL
}

# Whether a directory is empty, where that can be seen.
weigh() {
  if ! [ -r "$1" ] || ! [ -x "$1" ]; then return; fi
  fill=empty
  set +f
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$entry" ] || [ -h "$entry" ]; then fill=full; break; fi
  done
  set -f
  directories=$directories$fill' '$1$NL
}

# What is not found below a directory that this user may not search is not known to be absent.
missing() {
  up=${1%/*}
  while [ -n "$up" ] && ! [ -e "$up" ]; do up=${up%/*}; done
  if [ -d "${up:-/}" ] && ! [ -x "${up:-/}" ]; then blocked=$blocked$1$NL; fi
}

# A directory that is about to be listed: false when it is not there or cannot be.
listable() {
  [ -d "$1" ] || return 1
  if [ -r "$1" ] && [ -x "$1" ]; then return 0; fi
  blocked=$blocked$1$NL
  return 1
}

read_request() {
  units='' templates='' users='' groups='' homes='' below='' plain='' checked='' expected='' sealed='' grown=''
  for line in $request; do
    case $line in
      'unit '*) units=$units${line#unit }$NL ;;
      'template '*) templates=$templates${line#template }$NL ;;
      'user '*) users=$users${line#user }$NL ;;
      'group '*) groups=$groups${line#group }$NL ;;
      'home '*) homes=$homes${line#home }$NL ;;
      'below '*) below=$below${line#below }$NL ;;
      'sealed '*) sealed=$sealed${line#sealed }$NL ;;
      'plain '*) plain=$plain${line#plain }$NL ;;
      'checked '*) checked=$checked${line#checked }$NL ;;
      'sum '*) expected=$expected${line#sum }$NL ;;
      'expect '*) line=${line#expect } expected=$expected$line$NL checked=$checked${line#*  }$NL ;;
    esac
  done
  asked=$units
}

show_host() {
  frame host
  now=$(date +%s.%N)
  IFS=' ' read -r uptime _ </proc/uptime
  read -r boot </proc/sys/kernel/random/boot_id
  uid=''
  while IFS=$TAB read -r word _ effective _; do
    case $word in Uid:) uid=$effective; break ;; esac
  done </proc/self/status
  printf 'uid=%s\nnow=%s\nuptime=%s\nboot_id=%s\n' "${uid:-$(id -u)}" "$now" "$uptime" "$boot"
  show_machine
}

# Read by the shell itself: a file that is not there is a fact that is not known.
show_machine() {
  for fact in hostname=/proc/sys/kernel/hostname kernel=/proc/sys/kernel/osrelease cpus=/sys/devices/system/cpu/online; do
    if [ -r "${fact#*=}" ] && IFS= read -r line <"${fact#*=}"; then printf '%s=%s\n' "${fact%%=*}" "$line"; fi
  done
  if [ -r /proc/meminfo ] && IFS= read -r line </proc/meminfo; then printf 'memory=%s\n' "$line"; fi
  if command -v systemd-creds >/dev/null; then echo systemd_creds=yes; fi
  [ -r /etc/os-release ] || return
  while IFS= read -r line; do
    case $line in ID=*) printf 'os=%s\n' "${line#ID=}" ;; VERSION_ID=*) printf 'os_version=%s\n' "${line#VERSION_ID=}" ;; esac
  done </etc/os-release
}

show_manager() {
  told=$(systemctl show --no-pager -p Version,UnitPath,SystemState,UnitsLoadTimestampMonotonic,Architecture,Virtualization)
  frame "manager $?"
  printf '%s\n' "$told"
  dirs=''
  for line in $told; do
    case $line in
      UnitPath=*)
        IFS=' '
        for dir in ${line#UnitPath=}; do
          # Where /lib is a link to /usr/lib, both stand in the path and are one directory.
          case $dir in /lib/*) twin=/usr$dir ;; /usr/lib/*) twin=${dir#/usr} ;; *) twin='' ;; esac
          case $NL$dirs in *"$NL$twin$NL"*) if [ -n "$twin" ] && [ -h /lib ]; then continue; fi ;; esac
          if listable "$dir"; then dirs=$dirs$dir$NL; fi
        done
        IFS=$NL
        ;;
    esac
  done
}

# Ledgers, holds, marks of starts and the lock. Ledgers name further units.
show_records() {
  state=/var/lib/unitfleet
  list_ledgers
  list_holds
  list_started
  if [ -e /run/unitfleet/reloaded ]; then stats=$stats/run/unitfleet/reloaded$NL; fi
  if [ -f "$state/lock" ] && text=$(cat "$state/lock"); then
    holder "$text"
    frame "lock $life"
    printf '%s\n' "$text"
  fi
}

list_ledgers() {
  listable "$state/ledger" || return
  set +f
  set -- "$state"/ledger/*
  set -f
  for file do
    name=${file##*/}
    case $name in *[!A-Za-z0-9._-]*) continue ;; esac
    [ -f "$file" ] || continue
    stats=$stats$file$NL
    if [ -r "$file" ] && text=$(cat -- "$file"); then
      frame "ledger $name"
      printf '%s\n' "$text"
      named=''
      # Credentials that a playbook no longer gives have to go, and are named nowhere but here.
      for line in $text; do
        case $line in
          'unit '*) named=$named${line#unit }$NL ;;
          'secret /etc/unitfleet/credentials/'*) plain=$plain${line#secret }$NL ;;
        esac
      done
      # Both lists are sorted: mostly the ledger names just what was asked for.
      if [ "$named" != "$asked" ]; then for line in $named; do add_unit "$line"; done; fi
    else
      frame "ledger-unread $name"
    fi
  done
}

list_holds() {
  listable /etc/unitfleet/hold || return
  set +f
  set -- /etc/unitfleet/hold/*
  set -f
  for file do
    case $file in *[[:cntrl:]]*) continue ;; esac
    if [ -e "$file" ] || [ -h "$file" ]; then
      frame "hold ${file##*/}"
      if [ -f "$file" ]; then head -c 4096 -- "$file"; fi
    fi
  done
}

list_started() {
  listable /run/unitfleet/started || return
  set +f
  set -- /run/unitfleet/started/*
  set -f
  frame started
  for file do
    if [ -f "$file" ] && [ -r "$file" ] && read -r line <"$file"; then printf '%s %s\n' "${file##*/}" "$line"; fi
  done
}

# Whether the process that wrote the lock still runs: alive, dead or unknown.
holder() {
  pid='' began='' booted=''
  for line in $1; do
    case $line in 'pid '*) pid=${line#pid } ;; 'began '*) began=${line#began } ;; 'boot '*) booted=${line#boot } ;; esac
  done
  life=alive
  if [ "$booted" != "$boot" ]; then
    life=dead
  elif [ -r "/proc/$pid/stat" ] && read -r stat <"/proc/$pid/stat"; then
    IFS=' '; set -- ${stat##*) }; IFS=$NL
    if [ "${20}" != "$began" ]; then life=dead; fi
  elif [ -d /proc/1 ]; then
    life=dead
  else
    # /proc hides the processes of others from this user.
    life=unknown
  fi
}

# Links in the unit directories that are not the vendor's, and default.target everywhere.
find_links() {
  set +f
  for dir in $dirs; do
    case $dir in
      /usr/* | /lib/*) if [ -h "$dir/default.target" ]; then symlinks=$symlinks$dir/default.target$NL; fi; continue ;;
    esac
    for place in "$dir"/*.wants "$dir"/*.requires "$dir"/*.upholds; do
      if [ -d "$place" ]; then listable "$place"; fi
    done
    for link in "$dir"/* "$dir"/*.wants/* "$dir"/*.requires/* "$dir"/*.upholds/*; do
      [ -h "$link" ] || continue
      case $link in *[[:cntrl:]]*) continue ;; esac
      symlinks=$symlinks$link$NL
      for template in $templates; do
        case ${link##*/} in "${template%@*}"@?*".${template##*@.}") add_unit "${link##*/}" ;; esac
      done
    done
  done
  set -f
}

# Instances of the templates that systemd has loaded.
find_instances() {
  set --
  for template in $templates; do set -- "$@" "${template%@*}@*.${template##*@.}"; done
  told=$(systemctl list-units --all --plain --no-legend --no-pager --full -- "$@")
  status=$?
  if [ "$status" -ne 0 ]; then frame "instances $status"; fi
  for line in $told; do add_unit "${line%% *}"; done
}

show_chunk() {
  told=$(systemctl show --no-pager -p "$PROPERTIES" -- "$@")
  frame "show $? $#"
  printf '%s\n' "$@" "$told"
  for line in $told; do
    # Several names: the unit has aliases, and their files count as well.
    case $line in
      'Names='*' '*) IFS=' '; for word in ${line#Names=}; do add_name "$word"; done; IFS=$NL ;;
      Triggers=?* | TriggeredBy=?*) related=$related${line#*=}' ' ;;
    esac
  done
}

# What starts the units, and what they start: stopping one may take stopping the other. Units that were shown already
# are not shown again, and of the others it is not asked what they have to do with further ones.
show_related() {
  shown=$units units=''
  IFS=' '
  for word in $related; do
    case $word in \"*\") word=${word#?} word=$(printf '%b' "${word%?}") ;; esac
    case $NL$shown$units in *"$NL$word$NL"*) continue ;; esac
    add_unit "$word"
  done
  IFS=$NL
  names=$names$units
  if [ -n "$units" ]; then in_chunks show_chunk "$units"; fi
}

# systemctl quotes a name that holds a backslash.
add_name() {
  case $1 in
    \"*\") word=${1#?} names=$names$(printf '%b' "${word%?}")$NL ;;
    *) names=$names$1$NL ;;
  esac
}

# Every file that could have a say about a unit, whether systemd has read it or not.
find_candidates() {
  for name in $names; do
    kind=${name##*.} stem=${name%.*}
    prefix=${stem%%@*} files=$name drops=$name.d$NL$kind.d
    case $stem in *@?*) files=$files$NL$prefix@.$kind drops=$drops$NL$prefix@.$kind.d ;; esac
    part=$prefix
    while :; do
      case $part in ?*-*) part=${part%-*} ;; *) break ;; esac
      drops=$drops$NL$part-.$kind.d
    done
    for dir in $dirs; do
      for file in $files; do
        if [ -e "$dir/$file" ] || [ -h "$dir/$file" ]; then look "$dir/$file" content; fi
      done
      for drop in $drops; do
        if listable "$dir/$drop"; then look_in "$dir/$drop"; fi
      done
    done
    if [ -e "/var/lib/unitfleet/masked/$name" ]; then look "/var/lib/unitfleet/masked/$name" content; fi
  done
}

look_in() {
  set +f
  set -- "$1"/*.conf
  set -f
  for file do
    if [ -e "$file" ] || [ -h "$file" ]; then look "$file" content; fi
  done
}

find_named() { grep -Ehs '^[[:space:]]*(EnvironmentFile|LoadCredential(Encrypted)?)[[:space:]]*=' -- "$@"; }

# Files that unit files name. Names with specifiers or wildcards are systemd's to expand.
find_environment() {
  environment=''
  for line in $(in_chunks find_named "$content"); do
    file=${line#*=}
    case $line in *LoadCredential*) case $file in *:/*) file=${file#*:} ;; *) continue ;; esac ;; esac
    file=${file#"${file%%[![:space:]]*}"} file=${file%"${file##*[![:space:]]}"} file=${file#-}
    case $file in *[[:cntrl:]%*?[]* | *//* | */ | */./* | */../* | */. | */..) continue ;; /*) environment=$environment$file$NL ;; esac
  done
  if [ -n "$environment" ]; then
    frame environment
    printf '%s' "$environment"
  fi
}

stat_chunk() { stat -c "%f$TAB%u$TAB%g$TAB%U$TAB%G$TAB%s$TAB%.9Y$TAB%.9Z$TAB%n" -- "$@" 2>/dev/null; }
sum_chunk() { sha256sum -- "$@" 2>/dev/null; }

# Names, then targets, line by line; one link at a time where a readlink takes only one, or a target holds a newline.
link_chunk() {
  told=$(readlink -- "$@" 2>/dev/null)
  found=0
  for line in $told; do found=$((found + 1)); done
  if [ "$found" -eq "$#" ]; then
    frame "links $#"
    printf '%s\n' "$@" "$told"
    return
  fi
  for link do
    told=$(readlink -- "$link" 2>/dev/null)
    case $told in '' | *"$NL"*) continue ;; esac
    frame 'links 1'
    printf '%s\n' "$link" "$told"
  done
}

# Contents that were not expected, of at most 512 KiB. `sha256sum` escapes a backslash in a name and says so by a leading one.
show_contents() {
  # Both are in the order of the request when nothing but the expected was found.
  if [ "$1$NL" = "$expected" ]; then return; fi
  unexpected=$1
  if [ -n "$expected" ]; then
    # Twice the expected and once the found: what stands there once was found and not expected.
    unexpected=$(printf '%s\n' "$expected" "$expected" "$1" | sort | uniq -u)
  fi
  for line in $unexpected; do
    file=${line#*  }
    case $line in \\*) file=$(printf '%b' "$file") ;; esac
    size=$(wc -c <"$file") || continue
    [ "$size" -le 524288 ] || continue
    frame "content $file"
    base64 <"$file"
  done
}

show_files() {
  find_environment
  for file in $plain $environment; do look "$file" hash; done
  frame stat
  in_chunks stat_chunk "$stats"
  frame directories
  printf '%s' "$directories"
  frame blocked
  printf '%s' "$blocked"
  in_chunks link_chunk "$symlinks"
  frame sums
  in_chunks sum_chunk "$hashed"
  sums=$(in_chunks sum_chunk "$content")
  printf '%s\n' "$sums"
  show_contents "$sums"
}

# What encrypted credentials hold, by its hash alone. Only root can decrypt them. Each line is a name, a tab and a path.
show_sealed() {
  [ "$uid" = 0 ] && command -v systemd-creds >/dev/null || return
  frame sealed
  for line in $sealed; do
    file=${line#*"$TAB"}
    if ! [ -f "$file" ] || [ -h "$file" ]; then continue; fi
    # The status of the first command is lost in a pipe; what it prints with it is not.
    sum=$({ systemd-creds decrypt --name="${line%%"$TAB"*}" "$file" - 2>/dev/null || printf 'cannot be decrypted'; } | sha256sum)
    printf '%s %s\n' "${sum%% *}" "$file"
  done
}

# "$1" is passwd or group, "$2" the names or numbers.
show_accounts() {
  [ -n "$2" ] || return
  if command -v getent >/dev/null; then told=$(getent "$1" $2); else told=$(cat "/etc/$1"); fi
  frame "$1 $?"
  printf '%s\n' "$told"
}

# The home directories of the users that were shown last.
look_at_homes() {
  for line in $told; do
    case $NL$homes in *"$NL${line%%:*}$NL"*) ;; *) continue ;; esac
    line=${line%:*} line=${line##*:}
    case $line in /*) look "$line" hash ;; esac
  done
}

# What find matches paths with, for a path or for a mount point as the kernel writes it: what either would take for more
# than itself stands there as `?`.
as_pattern() {
  rest=$1 pattern=''
  while :; do
    case $rest in *["$ODD"]*) ;; *) break ;; esac
    part=${rest%%["$ODD"]*}
    rest=${rest#"$part"} pattern=$pattern$part\?
    case $rest in \\[0-7][0-7][0-7]*) rest=${rest#????} ;; *) rest=${rest#?} ;; esac
  done
  pattern=$pattern$rest
}

# Of each directory up to 101 things below it, on the same mount, that are not the user's and group's: a line each, with
# newlines in names as \001. A line `!` says that not all could be looked at.
show_below() {
  ODD=' 	\*?['
  for line in $below; do
    user=${line%% *} dir=${line#* } group=${dir%% *} dir=${dir#* }
    if [ -h "$dir" ] || ! [ -d "$dir" ]; then continue; fi
    frame "below $dir"
    # By its physical path, which is how the kernel names mounts.
    top=$(cd -P -- "$dir" 2>/dev/null && pwd -P) || { echo '!'; continue; }
    as_pattern "$top"
    inside=$pattern/
    set --
    while IFS=' ' read -r _ _ _ _ point _; do
      as_pattern "$point"
      case $pattern in "$inside"*) set -- "$@" -path "$pattern" -prune -o ;; esac
    done </proc/self/mountinfo
    # Nothing can be the user's who is not there yet.
    if find / -maxdepth 0 -user "$user" -group "$group" >/dev/null 2>&1; then
      set -- "$@" ! '(' -user "$user" -group "$group" ')'
    fi
    { find "$top" -mindepth 1 -xdev -ignore_readdir_race "$@" -print0 2>/dev/null || printf '!\0'; } |
      tr '\n\0' '\001\n' | head -n 102
  done
}

main() {
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  LC_ALL=C TZ=UTC SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0 SYSTEMD_PAGER='' SYSTEMD_LOG_LEVEL=notice
  export PATH LC_ALL TZ SYSTEMD_COLORS SYSTEMD_URLIFY SYSTEMD_PAGER SYSTEMD_LOG_LEVEL
  unset LANG LANGUAGE POSIXLY_CORRECT
  umask 077
  PROPERTIES=Id,Names,LoadState,LoadError,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,CanReload,RefuseManualStart,RefuseManualStop,Type,RemainAfterExit,Result,MainPID,ExecMainCode,ExecMainStatus,NRestarts,InvocationID,ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic,ConditionResult,Job,Triggers,TriggeredBy,Transient
  TAB='	'
  NL='
'
  IFS=' ' read -r magic format nonce size || exit 64
  [ "$magic $format" = 'unitfleet-gather 1' ] || exit 64
  request=$(head -c "$size")
  exec </dev/null
  set -f
  IFS=$NL
  frame 'begin 1'
  case $NL$request in *"${NL}end") ;; *) give_up request ;; esac
  [ -d /run/systemd/system ] || give_up systemd
  command -v sha256sum >/dev/null || give_up sha256sum
  content='' hashed='' stats='' symlinks='' directories='' blocked=''
  read_request
  show_host
  show_manager
  show_records
  find_links
  if [ -n "$templates" ]; then find_instances; fi
  if [ -n "$grown" ]; then units=$(printf '%s' "$units" | sort -u)$NL; fi
  names=$units$templates
  related=''
  in_chunks show_chunk "$units"
  if [ -n "$related" ]; then show_related; fi
  for file in $checked; do
    # Whoever put a link there chose where it leads: what is there is not to be sent. For unit files see find_candidates.
    if [ -h "$file" ]; then plain=$plain$file$NL; else look "$file" content; fi
  done
  find_candidates
  show_accounts passwd "$users"
  if [ -n "$homes" ]; then look_at_homes; fi
  show_accounts group "$groups"
  show_files
  if [ -n "$sealed" ]; then show_sealed; fi
  if [ -n "$below" ]; then show_below; fi
  frame end
}

main

# ---- ledgers

# First what was and what will be, together: whatever happens in between, nothing of ours is forgotten.
write_intent() {
  for line in $ledgers; do
    owner=${line%% *} payload=${line#* }
    old=$base/ledger/$owner
    if [ "$payload" = - ]; then continue; fi
    if [ -f "$old" ]; then
      {
        printf 'unitfleet-ledger 1\nrun %s\n' "$run"
        cat -- "$old" "$run_dir/payload/$payload" | grep -Ev '^(unitfleet-ledger |run |end$)' | sort -u
        echo end
      } >"$run_dir/intent"
      put_ledger "$owner" "$run_dir/intent" || return 1
    else
      put_ledger "$owner" "$run_dir/payload/$payload" || return 1
    fi
  done
}

write_ledgers() {
  for line in $ledgers; do
    owner=${line%% *} payload=${line#* }
    if [ "$payload" = - ]; then
      attempt rm -f -- "$base/ledger/$owner" || return 1
    else
      put_ledger "$owner" "$run_dir/payload/$payload" || return 1
    fi
  done
}

put_ledger() {
  temp=$base/ledger/.$1.unitfleet-tmp
  attempt install -m 0644 -o root -g root -- "$2" "$temp" || return 1
  to_disk "$temp"
  attempt mv -f -- "$temp" "$base/ledger/$1" || return 1
  soil "$base/ledger"
}

# ---- files

# Old versions of sync take no names and write everything out, which is as good.
to_disk() { sync -- "$@" 2>/dev/null || sync; }

# A directory whose entries changed.
soil() { case $NL$soiled in *"$NL${1:-/}$NL"*) ;; *) soiled=$soiled${1:-/}$NL ;; esac; }

flush_directories() {
  if [ -n "$soiled" ]; then to_disk $soiled; fi
  soiled=''
}

label() { if [ -n "$selinux" ]; then restorecon -F -- "$1" >/dev/null 2>&1; fi; }

# The name beside "$1" under which its successor is made: systemd ignores it. One that a killed run left is removed.
new_temp() {
  temp_of "$1"
  if [ -e "$temp" ] || [ -h "$temp" ]; then rm -f -- "$temp"; fi
}

temp_of() { temp=${1%/*}/.${1##*/}.unitfleet-tmp; }

# Renames over a link even where it leads to a directory.
rename() {
  if [ -h "$2" ] && [ -d "$2" ]; then
    attempt mv -f -T -- "$1" "$2" || return 1
  else
    attempt mv -f -- "$1" "$2" || return 1
  fi
  soil "${2%/*}"
}

make_parents() {
  up=${1%/*} lacking=''
  while [ -n "$up" ] && ! [ -d "$up" ]; do lacking=$up$NL$lacking up=${up%/*}; done
  for up in $lacking; do
    attempt mkdir -m 0755 -- "$up" || return 1
    created=$up$NL$created
    printf '%s\n' "$up" >>"$base/parents"
    soil "${up%/*}"
    label "$up"
  done
}

# Directories that only something of ours made necessary go with the last of it. `left_behind` are those from which
# something was removed; which of them are ours stands in a list of all that were ever made on the way to something. One
# that the playbook declares by now stays.
remove_parents() {
  [ -n "$left_behind" ] && [ -s "$base/parents" ] || return
  for place in $left_behind; do
    while grep -Fxq -- "$place" "$base/parents"; do
      case $NL$stays in *"$NL$place$NL"*) break ;; esac
      rmdir -- "$place" 2>/dev/null || break
      soil "${place%/*}"
      place=${place%/*}
    done
  done
  forget_parents
}

# A directory that is gone is nobody's: who makes it anew may keep it.
forget_parents() {
  [ -s "$base/parents" ] || return
  kept_parents=''
  for line in $(sort -u -- "$base/parents"); do if [ -d "$line" ]; then kept_parents=$kept_parents$line$NL; fi; done
  if [ -n "$kept_parents" ]; then printf '%s' "$kept_parents" >"$base/parents"; else rm -f -- "$base/parents"; fi
}

# Mode, owner and group of "$4" are "$1", "$2" and "$3"; names or numbers, `-` for any.
has_attributes() {
  IFS=' '
  set -- "$@" $(stat -c '%a %U %G %u %g' -- "$4")
  IFS=$NL
  case $1 in - | "$5") ;; *) return 1 ;; esac
  case $2 in - | "$6" | "$8") ;; *) return 1 ;; esac
  case $3 in - | "$7" | "$9") ;; *) return 1 ;; esac
}

# Owner before mode: a change of owner clears bits. Whoever owns the directory may have put a link there meanwhile: it
# is not followed.
set_attributes() {
  if [ "$2" != - ]; then attempt chown -h -- "$2:$3" "$4" || return 1; fi
  if [ "$1" = - ]; then return; fi
  if [ -h "$4" ]; then said="$4 is a link"; return 1; fi
  attempt chmod -- "$1" "$4" || return 1
}

make_link() {
  new_temp "$2"
  attempt ln -s -- "$1" "$temp" && rename "$temp" "$2"
}

step_dir() {
  if [ -d "$5" ]; then
    if has_attributes "$2" "$3" "$4" "$5"; then tell "$1" already; return; fi
  else
    if [ -e "$5" ] || [ -h "$5" ]; then fail "$1" "$5 is there and is no directory"; return; fi
    make_parents "$5" && attempt mkdir -m 0700 -- "$5" || { fail "$1" "$said"; return; }
    created=$5$NL$created
    soil "${5%/*}"
    label "$5"
  fi
  set_attributes "$2" "$3" "$4" "$5"; conclude "$1" "$?"
}

step_rmdir() {
  if ! [ -e "$2" ] && ! [ -h "$2" ]; then tell "$1" already; return; fi
  attempt rmdir -- "$2" && soil "${2%/*}"; conclude "$1" "$?"
  left_behind=$left_behind${2%/*}$NL
}

step_attr() {
  if [ -h "$5" ] || ! [ -e "$5" ]; then fail "$1" "$5 is not a file or directory"; return; fi
  if has_attributes "$2" "$3" "$4" "$5"; then tell "$1" already; return; fi
  set_attributes "$2" "$3" "$4" "$5"; conclude "$1" "$?"
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

# Runs find over what is below "$1", on the same mount, and is not of user "$2" and group "$3"; then what to do with it.
find_others() {
  top=$1 user=$2 of_group=$3
  shift 3
  as_pattern "$top"
  inside=$pattern/
  set -- ! '(' -user "$user" -group "$of_group" ')' "$@"
  while IFS=' ' read -r _ _ _ _ point _; do
    as_pattern "$point"
    case $pattern in "$inside"*) set -- -path "$pattern" -prune -o "$@" ;; esac
  done </proc/self/mountinfo
  find "$top" -mindepth 1 -xdev -ignore_readdir_race "$@"
}

# "$1" step, "$2" user, "$3" group, "$4" directory. Owners are written down first, each with a NUL at its end. `-execdir`
# works in the directory that it has found: whoever owns one and puts a link in its place leads nobody elsewhere.
step_below() {
  if [ -h "$4" ] || ! [ -d "$4" ]; then fail "$1" "$4 is no directory"; return; fi
  if ! command -v find >/dev/null; then fail "$1" 'the host has no find'; return; fi
  top=$(cd -P -- "$4" && pwd -P) list=$run_dir/snapshot/owners-$1
  attempt list_owners "$top" "$2" "$3" "$list" || { fail "$1" "$said"; return; }
  if ! [ -s "$list" ]; then rm -f -- "$list"; tell "$1" already; return; fi
  to_disk "$list"
  owned=$list$NL$owned
  # Where things come and go meanwhile, find may complain of some; what counts is that none is left.
  for _ in 1 2; do
    attempt find_others "$top" "$2" "$3" -execdir chown -h -- "$2:$3" '{}' +
    if [ -z "$(find_others "$top" "$2" "$3" -print -quit 2>&1)" ]; then tell "$1" 'done'; return; fi
  done
  fail "$1" "${said:-something below $4 has another owner still}"
}

list_owners() { find_others "$1" "$2" "$3" -printf '%U:%G %m %p\0' >"$4"; }

# Puts back the owners in the list "$1". A directory on the way that has become a link meanwhile is not followed.
give_back() {
  xargs -0 sh -c '
    failed=0
    for entry do
      owner=${entry%% *} path=${entry#* }
      mode=${path%% *} path=${path#* }
      [ -e "$path" ] || [ -h "$path" ] || continue
      dir=${path%/*} name=./${path##*/}
      if ! cd -P -- "$dir" || [ "$(pwd -P; echo .)" != "$dir
." ] || ! chown -h -- "$owner" "$name"; then failed=1; continue; fi
      # A change of owner has cleared these bits.
      case $mode in [1-7]???) if ! [ -h "$name" ]; then chmod -- "$mode" "$name" || failed=1; fi ;; esac
    done
    exit "$failed"' sh <"$1" >/dev/null 2>&1
}

# Whether a command accepts the new file in `temp`. Its words stand behind a colon each, and `%s` in them for the path.
accepts() {
  count=$#
  while [ "$count" -gt 0 ]; do
    rest=${1#:} word=''
    while :; do
      case $rest in *%s*) word=$word${rest%%"%s"*}$temp rest=${rest#*"%s"} ;; *) break ;; esac
    done
    set -- "$@" "$word$rest"
    shift
    count=$((count - 1))
  done
  program=$1
  if attempt timeout -k 5 60 "$@"; then
    cmp -s -- "$new" "$temp" && return
    said="\`$program\`, which was to look at the new file, has changed it"
    return 1
  fi
  case $status in
    124 | 137) said="\`$program\` did not end within 60 s" ;;
    *) said="\`$program\` does not accept the new file (status $status)" ;;
  esac
  # Its last words say why; a line of nothing but `^` points at a place in a line that is not there any more.
  set --
  for word in $flat; do
    word=${word#"${word%%[! ]*}"}
    case $word in *[!\ ^~]*) set -- "$@" "$word" ;; esac
  done
  while [ $# -gt 5 ]; do shift; done
  separator=': '
  for word do said=$said$separator$word separator='; '; done
  return 1
}

# Puts the new file beside its place; adjacent ones are then written out and renamed together.
step_write() {
  if [ -d "$6" ] && ! [ -h "$6" ]; then fail "$1" "$6 is a directory"; return; fi
  new=$run_dir/payload/$5
  if [ -f "$6" ] && ! [ -h "$6" ] && cmp -s -- "$new" "$6" && has_attributes "$2" "$3" "$4" "$6"; then
    tell "$1" already
    return
  fi
  new_temp "$6"
  make_parents "$6" && attempt install -m "$2" -o "$3" -g "$4" -- "$new" "$temp" ||
    { rm -f -- "$temp"; fail "$1" "$said"; return; }
  if [ $# -gt 6 ]; then
    number=$1 place=$6
    shift 6
    accepts "$@" || { rm -f -- "$temp"; fail "$number" "$said"; return; }
    set -- "$number" - - - - "$place"
  fi
  pending=$pending$1$TAB$6$NL temps=$temps$temp$NL
}

# As step_write, but what is installed is encrypted here, with the host's own key: the same content never yields the
# same bytes, so whether it is there already is asked of what the file decrypts to. "$6" names the credential.
step_seal() {
  if [ -d "$7" ] && ! [ -h "$7" ]; then fail "$1" "$7 is a directory"; return; fi
  new=$run_dir/payload/$5
  if [ -f "$7" ] && ! [ -h "$7" ] && has_attributes "$2" "$3" "$4" "$7" &&
    systemd-creds decrypt --name="$6" "$7" - 2>/dev/null | cmp -s -- "$new" -; then
    tell "$1" already
    return
  fi
  new_temp "$7"
  make_parents "$7" && attempt systemd-creds encrypt --with-key=host --name="$6" "$new" "$temp" &&
    set_attributes "$2" "$3" "$4" "$temp" || { rm -f -- "$temp"; fail "$1" "$said"; return; }
  pending=$pending$1$TAB$7$NL temps=$temps$temp$NL
}

flush_writes() {
  [ -n "$pending" ] || return
  undo=$failure
  if [ -n "$committed" ]; then undo=''; fi
  if [ -z "$undo" ]; then to_disk $temps; fi
  for entry in $pending; do
    path=${entry#*"$TAB"}
    temp_of "$path"
    if [ -n "$undo" ]; then rm -f -- "$temp"; continue; fi
    rename "$temp" "$path" && { label "$path"; true; }
    conclude "${entry%%"$TAB"*}" "$?"
  done
  pending='' temps=''
}

step_rm() {
  if ! [ -e "$2" ] && ! [ -h "$2" ]; then tell "$1" already; return; fi
  attempt rm -f -- "$2" || { fail "$1" "$said"; return; }
  place=${2%/*}
  # An empty directory of drop-ins says nothing; `systemctl revert` takes it away as well.
  case $place in "$UNITS"/*.d) if rmdir -- "$place" 2>/dev/null; then place=$UNITS; fi ;; esac
  left_behind=$left_behind$place$NL
  soil "$place"
  tell "$1" 'done'
}

step_link() {
  if [ -h "$2" ]; then
    if [ "$(readlink -- "$2")" = "$3" ]; then tell "$1" already; return; fi
  elif [ -e "$2" ]; then
    fail "$1" "$2 is there and is no link: it is not replaced"
    return
  fi
  make_parents "$2" && make_link "$3" "$2"; conclude "$1" "$?"
}

step_unlink() {
  if [ -h "$2" ]; then
    attempt rm -f -- "$2" && soil "${2%/*}"; conclude "$1" "$?"
    left_behind=$left_behind${2%/*}$NL
  elif [ -e "$2" ]; then
    fail "$1" "$2 is no link: it is not removed"
  else
    tell "$1" already
  fi
}

masks() { [ -h "$1" ] && [ "$(readlink -- "$1")" = /dev/null ]; }

# An empty file masks as well; it is not worth keeping.
step_mask() {
  path=$UNITS/$2 kept_file=$base/masked/$2
  if masks "$path"; then tell "$1" already; return; fi
  if [ -d "$path" ] && ! [ -h "$path" ]; then fail "$1" "$path is a directory"; return; fi
  if [ -h "$path" ] || [ -s "$path" ]; then
    new_temp "$kept_file"
    attempt cp -a -- "$path" "$temp" && { [ -h "$temp" ] || to_disk "$temp"; } && rename "$temp" "$kept_file" ||
      { fail "$1" "$said"; return; }
    flush_directories
  fi
  make_link /dev/null "$path"; conclude "$1" "$?"
}

step_unmask() {
  path=$UNITS/$2 kept_file=$base/masked/$2 did=already
  for mask in "$path" "/run/systemd/system/$2"; do
    if masks "$mask" || { [ -f "$mask" ] && ! [ -s "$mask" ]; }; then
      attempt rm -f -- "$mask" || { fail "$1" "$said"; return; }
      soil "${mask%/*}"
      did='done'
    fi
  done
  if [ -e "$kept_file" ] || [ -h "$kept_file" ]; then
    did='done'
    if [ "$3" != discard ] && ! [ -e "$path" ] && ! [ -h "$path" ]; then
      new_temp "$path"
      attempt cp -a -- "$kept_file" "$temp" && { [ -h "$temp" ] || to_disk "$temp"; } && rename "$temp" "$path" ||
        { fail "$1" "$said"; return; }
      label "$path"
    fi
    attempt rm -f -- "$kept_file" || { fail "$1" "$said"; return; }
    soil "$base/masked"
  fi
  tell "$1" "$did"
}


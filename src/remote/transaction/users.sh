# ---- users

account() {
  account=$(getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd)
  [ -n "$account" ]
}

# Home and shell of the account that was read last.
home_and_shell() {
  shell=${account##*:} home=${account%:*}
  home=${home##*:}
}

nologin() {
  for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do if [ -x "$shell" ]; then return; fi; done
}

# The line of the group "$1", in `members` those it lists.
group() {
  members=$(getent group "$1" 2>/dev/null || grep "^$1:" /etc/group)
  [ -n "$members" ] || return 1
  members=${members##*:}
}

# "$1" step, "$2" name, "$3" system or regular, "$4" home, "$5" shell, "$6" uid, "$7" number or name of the primary group.
step_user_create() {
  if account "$2"; then tell "$1" already; return; fi
  if group "$2"; then met=yes; else met=''; fi
  home=$4 shell=$5
  if [ "$3" = system ]; then
    # As systemd-sysusers would: nothing to log in with, and no home.
    if [ "$shell" = - ]; then nologin; fi
    if [ "$home" = - ]; then home=/; fi
  fi
  if command -v useradd >/dev/null; then
    add_user "$2" "$3" "$6" "$7"
  elif command -v systemd-sysusers >/dev/null; then
    describe_user "$2" "$6" "$7"
  else
    said='the host has neither useradd nor systemd-sysusers'
  fi
  if account "$2"; then
    new_users=$2$NL$new_users
    note_group "$2" "$met"
    tell "$1" 'done'
  else
    fail "$1" "${said:-the account is not there after its creation}"
  fi
}

# "$1" name, "$2" kind, "$3" uid, "$4" primary group.
add_user() {
  name=$1 kind=$2 uid=$3 primary=$4
  case $primary in
    -) if group "$name"; then primary=$name; fi ;;
    *[!0-9]*) ;;
    *)
      if ! group "$name"; then
        attempt groupadd -g "$primary" -- "$name" || return
        new_groups=$name$NL$new_groups
      fi
      primary=$name
      ;;
  esac
  set -- useradd -M
  if [ "$kind" = system ]; then set -- "$@" -r; fi
  if [ "$uid" != - ]; then set -- "$@" -u "$uid"; fi
  if [ "$home" != - ]; then set -- "$@" -d "$home"; fi
  if [ "$shell" != - ]; then set -- "$@" -s "$shell"; fi
  if [ "$primary" != - ]; then set -- "$@" -g "$primary"; else set -- "$@" -U; fi
  attempt "$@" -- "$name"
}

# The same for systemd-sysusers: "$1" name, "$2" uid, "$3" primary group.
describe_user() {
  if [ "$home" = - ]; then home=/home/$1; fi
  if [ "$shell" = - ]; then shell=/bin/sh; fi
  number=$2
  case $3 in
    -) ;;
    *) number=$number:$3 ;;
  esac
  said=$(
    {
      case $3 in *[!0-9]*) ;; *) printf 'g %s %s\n' "$1" "$3" ;; esac
      printf 'u %s %s "" "%s" "%s"\n' "$1" "$number" "$home" "$shell"
    } | systemd-sysusers - 2>&1
  )
}

is_member() {
  group "$2" || return 1
  case ,$members, in *,"$1",*) return 0 ;; *) return 1 ;; esac
}

# "$1" step, "$2" name, then groups: those that it is in already stay, and so do those that are not named.
step_user_join() {
  account "$2" || { fail "$1" "there is no user $2"; return; }
  step=$1 name=$2 lacking=''
  shift 2
  for wanted do is_member "$name" "$wanted" || lacking=$lacking$wanted$NL; done
  if [ -z "$lacking" ]; then tell "$step" already; return; fi
  for wanted in $lacking; do
    joined=$name$TAB$wanted$NL$joined
    join_group "$name" "$wanted"
    is_member "$name" "$wanted" || { fail "$step" "${said:-$name is not in $wanted after it was put there}"; return; }
  done
  tell "$step" 'done'
}

join_group() {
  if command -v usermod >/dev/null; then
    attempt usermod -a -G "$2" -- "$1"
  elif command -v systemd-sysusers >/dev/null; then
    said=$(printf 'm %s %s\n' "$1" "$2" | systemd-sysusers - 2>&1)
  else
    said='the host has neither usermod nor systemd-sysusers'
  fi
}

leave_group() {
  is_member "$1" "$2" || return 0
  gpasswd -d "$1" "$2" >/dev/null 2>&1
  ! is_member "$1" "$2"
}

# "$1" name, "$2" home, "$3" shell. What is to stay is not named: usermod moves no home of a user with processes.
modify_user() {
  account "$1"
  home_and_shell
  if [ "$2" != - ] && [ "$2" != "$home" ]; then attempt usermod -d "$2" -- "$1" || return 1; fi
  if [ "$3" != - ] && [ "$3" != "$shell" ]; then attempt usermod -s "$3" -- "$1" || return 1; fi
}

step_user_modify() {
  account "$2" || { fail "$1" "there is no user $2"; return; }
  home_and_shell
  was="$2$TAB$home$TAB$shell"
  if { [ "$3" = - ] || [ "$3" = "$home" ]; } && { [ "$4" = - ] || [ "$4" = "$shell" ]; }; then tell "$1" already; return; fi
  command -v usermod >/dev/null || { fail "$1" 'the host has no usermod'; return; }
  changed_users=$was$NL$changed_users
  modify_user "$2" "$3" "$4"
  conclude "$1" "$?"
}

step_user_remove() {
  account "$2" || { tell "$1" already; return; }
  remove_user "$2" && gone_users=$2$NL$gone_users
  conclude "$1" "$?"
}

# Whether the group of the name "$1" was there before the user ("$2"): those stand in a list.
note_group() {
  met_groups=$(grep -Fxvs -- "$1" "$base/groups")
  if [ -n "$2" ]; then met_groups=$met_groups${met_groups:+$NL}$1; fi
  if [ -n "$met_groups" ]; then printf '%s\n' "$met_groups" >"$base/groups"; else rm -f -- "$base/groups"; fi
}

# userdel takes the group of the user's name with it, unless that has members: one that was there before the user gets a
# member for so long.
remove_user() {
  if ! grep -Fxqs -- "$1" "$base/groups" || ! group "$1"; then attempt userdel -- "$1"; return; fi
  guard=''
  if [ -z "$members" ] || [ "$members" = "$1" ]; then
    guard=yes
    attempt gpasswd -a root "$1" || return
  fi
  attempt userdel -- "$1"
  removed=$? told=$said
  if [ -n "$guard" ]; then gpasswd -d root "$1" >/dev/null 2>&1; fi
  said=$told
  if [ "$removed" = 0 ]; then note_group "$1" ''; fi
  return "$removed"
}


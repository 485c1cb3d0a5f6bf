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

# "$1" step, "$2" name, "$3" system or regular, "$4" home, "$5" shell.
step_user_create() {
  if account "$2"; then tell "$1" already; return; fi
  home=$4 shell=$5
  if [ "$3" = system ]; then
    # As systemd-sysusers would: nothing to log in with, and no home.
    if [ "$shell" = - ]; then nologin; fi
    if [ "$home" = - ]; then home=/; fi
  fi
  if command -v useradd >/dev/null; then
    number=$1 name=$2 kind=$3
    set -- useradd -M
    if [ "$kind" = system ]; then set -- "$@" -r; fi
    if [ "$home" != - ]; then set -- "$@" -d "$home"; fi
    if [ "$shell" != - ]; then set -- "$@" -s "$shell"; fi
    if getent group "$name" >/dev/null 2>&1; then set -- "$@" -g "$name"; else set -- "$@" -U; fi
    attempt "$@" -- "$name"
    set -- "$number" "$name"
  elif command -v systemd-sysusers >/dev/null; then
    if [ "$home" = - ]; then home=/home/$2; fi
    if [ "$shell" = - ]; then shell=/bin/sh; fi
    said=$(printf 'u %s - "" "%s" "%s"\n' "$2" "$home" "$shell" | systemd-sysusers - 2>&1)
  else
    said='the host has neither useradd nor systemd-sysusers'
  fi
  if account "$2"; then
    new_users=$2$NL$new_users
    tell "$1" 'done'
  else
    fail "$1" "${said:-the account is not there after its creation}"
  fi
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
  attempt userdel -- "$2" && gone_users=$2$NL$gone_users
  conclude "$1" "$?"
}


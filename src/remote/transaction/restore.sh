# ---- the way back

# Whether "$2" is as the snapshot's line says: kind "$1", "$3" and following are its data.
is_restored() {
  case $1 in
    A) ! [ -e "$2" ] && ! [ -h "$2" ] ;;
    L) [ -h "$2" ] && [ "$(readlink -- "$2")" = "$3" ] && [ "$(stat -c '%u:%g' -- "$2")" = "$4" ] ;;
    F)
      [ -f "$2" ] && ! [ -h "$2" ] && cmp -s -- "$2" "$run_dir/snapshot/$3" &&
        [ "$(stat -c '%a %u %g' -- "$2")" = "$(stat -c '%a %u %g' -- "$run_dir/snapshot/$3")" ]
      ;;
    D) [ -d "$2" ] && ! [ -h "$2" ] && [ "$(stat -c "%a$TAB%u$TAB%g" -- "$2")" = "$3$TAB$4$TAB$5" ] ;;
    M) [ -e "$2" ] && [ "$(stat -c "%a$TAB%u$TAB%g" -- "$2")" = "$3$TAB$4$TAB$5" ] ;;
    *) [ -e "$2" ] ;;
  esac
}

restore_path() {
  if is_restored "$@"; then return; fi
  new_temp "$2"
  case $1 in
    A) if [ -h "$2" ] || ! [ -d "$2" ]; then attempt rm -f -- "$2"; soil "${2%/*}"; fi ;;
    L) make_link "$3" "$2" && attempt chown -h -- "$4" "$2" ;;
    F) attempt cp -a -- "$run_dir/snapshot/$3" "$temp" && to_disk "$temp" && rename "$temp" "$2" ;;
    D)
      # A link of ours may have been made in its place.
      if [ -h "$2" ]; then attempt rm -f -- "$2"; fi
      if ! [ -d "$2" ]; then attempt mkdir -m 0700 -- "$2"; soil "${2%/*}"; fi
      set_attributes "$3" "$4" "$5" "$2"
      ;;
    M) set_attributes "$3" "$4" "$5" "$2" ;;
  esac
}

restore_paths() {
  for line in $1; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    restore_path "$@"
  done
}

# Every path and owner as it was, directories and users of ours gone, and PID 1 reading the old files again.
restore() {
  frame restoring
  left='' directories='' others=''
  paths=$(cat "$run_dir/snapshot/paths")
  # Directories first, parents before what lies in them: they were removed the other way round.
  for line in $paths; do
    case $line in "D$TAB"*) directories=$line$NL$directories ;; *) others=$others$line$NL ;; esac
  done
  # Owners before paths: what was made in this run stands in the list as it was made, and is not what was there before.
  for list in $owned; do give_back "$list" || left="${left}owners in ${list##*/}$NL"; done
  restore_paths "$directories"
  restore_paths "$others"
  for dir in $created; do rmdir -- "$dir" 2>/dev/null; soil "${dir%/*}"; done
  forget_parents
  for line in $joined; do leave_group "${line%"$TAB"*}" "${line#*"$TAB"}" || left="${left}user $line$NL"; done
  for name in $new_users; do remove_user "$name"; if account "$name"; then left="${left}user $name$NL"; fi; done
  for name in $new_groups; do
    if group "$name"; then groupdel -- "$name" >/dev/null 2>&1 || left="${left}group $name$NL"; fi
  done
  for line in $changed_users; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    modify_user "$@" || left="${left}user $1$NL"
  done
  for name in $gone_users; do left="${left}user $name$NL"; done
  flush_directories
  for line in $paths; do
    IFS=$TAB
    set -- $line
    IFS=$NL
    is_restored "$@" || left=$left$2$NL
  done
  reload_manager || left="${left}systemd: daemon-reload failed: $said$NL"
  frame unrestored
  printf '%s' "$left"
}


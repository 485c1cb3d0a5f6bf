# Does what the playbook says, as carefully as unitfleet does: under a lock, files staged and checked before anything is
# touched, the old ones kept, everything on disk before it is renamed, one daemon-reload, a look at whether every unit
# loads before anything starts, a settle window, records. `ssh HOST "$(cat apply.sh)" <files.tar`: the files come as a tar archive.
set -eu
export LC_ALL=C
state=/var/lib/bench-by-hand
units=/etc/systemd/system
mkdir -p $state/run/new $state/run/old /etc/bench $units/bench-worker.service.d \
    $units/multi-user.target.wants $units/timers.target.wants
mkdir $state/lock
tar -xf - -C $state/run/new
(cd $state/run/new && sha256sum --quiet -c SUMS)
exec </dev/null

install_file() { # NAME MODE PATH
    if [ -e "$3" ]; then cp -a -- "$3" "$state/run/old/$1"; fi
    install -m "$2" -o root -g root -- "$state/run/new/$1" "$3.tmp"
    staged="$staged $3"
}
staged=''
install_file app.env 0644 /etc/bench/app.env
install_file worker.conf 0640 /etc/bench/worker.conf
install_file bench-loop 0755 /usr/local/bin/bench-loop
install_file bench-app.service 0644 $units/bench-app.service
install_file bench-worker.service 0644 $units/bench-worker.service
install_file limits.conf 0644 $units/bench-worker.service.d/limits.conf
install_file bench-job.service 0644 $units/bench-job.service
install_file bench-job.timer 0644 $units/bench-job.timer
cp $state/run/new/SUMS $state/ledger.tmp
temps=''
for file in $staged $state/ledger; do temps="$temps $file.tmp"; done
sync -- $temps
for file in $staged $state/ledger; do mv -f -- "$file.tmp" "$file"; done
for unit in bench-app.service bench-worker.service; do
    ln -sfn $units/$unit $units/multi-user.target.wants/$unit
done
ln -sfn $units/bench-job.timer $units/timers.target.wants/bench-job.timer
sync -- /etc /etc/bench /usr/local/bin $state $units $units/bench-worker.service.d \
    $units/multi-user.target.wants $units/timers.target.wants

systemctl daemon-reload
all='bench-app.service bench-worker.service bench-job.timer'
[ "$(systemctl show -p LoadState $all bench-job.service | grep -c '^LoadState=loaded')" = 4 ]
systemctl start bench-app.service
systemctl start bench-worker.service bench-job.timer
before=$(systemctl show -p ActiveState,InvocationID,NRestarts $all)
sleep 1
after=$(systemctl show -p ActiveState,InvocationID,NRestarts $all)
[ "$before" = "$after" ]
[ "$(systemctl is-active $all | grep -c '^active')" = 3 ]
printf '%s\n' "$after" >$state/started
rm -rf $state/run
rmdir $state/lock

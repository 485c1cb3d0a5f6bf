# Reads what a plan has to know: the units' state, the files' bytes and attributes, the links. Piped into `ssh HOST sh -s`.
export LC_ALL=C
systemctl show --no-pager \
    -p Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,Result,MainPID,InvocationID,NRestarts,ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic \
    bench-app.service bench-worker.service bench-job.service bench-job.timer
set -- /etc/bench/app.env /etc/bench/worker.conf /usr/local/bin/bench-loop \
    /etc/systemd/system/bench-app.service /etc/systemd/system/bench-worker.service \
    /etc/systemd/system/bench-worker.service.d/limits.conf \
    /etc/systemd/system/bench-job.service /etc/systemd/system/bench-job.timer
stat -c '%f %U %G %s %.9Y %n' -- /etc/bench "$@" 2>/dev/null
sha256sum -- "$@" 2>/dev/null
readlink -- /etc/systemd/system/multi-user.target.wants/bench-*.service /etc/systemd/system/timers.target.wants/bench-*.timer
cat /var/lib/bench-by-hand/ledger 2>/dev/null
exit 0

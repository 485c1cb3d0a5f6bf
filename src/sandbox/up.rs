//! Making a fleet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::address::Network;
use super::lock::Lock;
use super::machine::Machine;
use super::state::FleetState;
use super::{Fleet, Options, Progress, Sandbox, SandboxError, base, check_requirements, furnish, network, state};

/// How many hosts boot at a time: enough to keep the processors busy, and few enough that none waits for long.
const AT_ONCE: usize = 16;

pub(super) fn up(
    sandbox: &Sandbox,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fleet, SandboxError> {
    options.check()?;
    check_requirements()?;
    refuse_taken(sandbox, options)?;
    let base = base::ensure(&sandbox.cache, options, progress)?;
    let lock = Lock::of_fleet(&sandbox.state, &options.name)?;
    let fleet = found(sandbox, options, base)?;
    match raise(&fleet, progress) {
        Ok(()) => Ok(fleet),
        Err(cause) => match fleet.take_down().and_then(|()| lock.remove()) {
            Ok(()) => Err(cause),
            Err(leftover) => Err(SandboxError::LeftBehind { leftover: Box::new(leftover), cause: Box::new(cause) }),
        },
    }
}

fn refuse_taken(sandbox: &Sandbox, options: &Options) -> Result<(), SandboxError> {
    if sandbox.state.join(options.name.as_str()).exists() {
        return Err(SandboxError::AlreadyUp { name: options.name.to_string() });
    }
    Ok(())
}

/// Chooses a network and writes down that it is this fleet's, so that nobody else chooses it.
fn found(sandbox: &Sandbox, options: &Options, base: std::path::PathBuf) -> Result<Fleet, SandboxError> {
    let _lock = Lock::of_machine(&sandbox.state)?;
    // Again, now that nobody can come between.
    refuse_taken(sandbox, options)?;
    let mut taken = state::networks(&sandbox.state)?;
    taken.extend(Network::mentioned(&network::addresses_and_routes()?));
    taken.extend(network::bridges());
    let network = Network::choose(&taken).ok_or(SandboxError::NoAddress)?;
    let state = FleetState::new(options, base, network);
    let directory = sandbox.state.join(options.name.as_str());
    state.found(&directory)?;
    Ok(Fleet::new(sandbox.clone(), directory, state))
}

/// Makes and boots every host of a founded fleet.
fn raise(fleet: &Fleet, progress: &mut dyn FnMut(Progress)) -> Result<(), SandboxError> {
    let authorized = furnish::key_pair(&fleet.identity_path(), &format!("unitfleet-sandbox-{}", fleet.name()))?;
    network::add_bridge(fleet.network())?;
    let machines: Vec<Machine<'_>> = fleet.machines().collect();
    let next = AtomicUsize::new(0);
    let keys = std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        let work = |sender: Sender<Progress>| {
            let mut keys = Vec::new();
            while let Some(machine) = machines.get(next.fetch_add(1, Ordering::Relaxed)) {
                match boot(*machine, &authorized, &sender) {
                    Ok(key) => keys.push((machine.host.number, key)),
                    Err(error) => {
                        // The fleet will not be: the others need not begin.
                        next.store(machines.len(), Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(keys)
        };
        let workers: Vec<_> = (0..AT_ONCE.min(machines.len()))
            .map(|_| {
                let sender = sender.clone();
                scope.spawn(move || work(sender))
            })
            .collect();
        drop(sender);
        receiver.iter().for_each(progress);
        let mut keys = Vec::new();
        for worker in workers {
            keys.extend(worker.join().expect("booting a host does not panic")?);
        }
        Ok::<_, SandboxError>(keys)
    })?;
    fleet.write_files(keys)
}

/// Makes one host and waits until it is up. Returns its public key.
fn boot(machine: Machine<'_>, authorized: &str, sender: &Sender<Progress>) -> Result<String, SandboxError> {
    // Nobody listens any more only when nobody waits for the result either.
    let tell = |progress| drop(sender.send(progress));
    let host = || machine.host.name.clone();
    let since = Instant::now();
    tell(Progress::Booting { host: host() });
    machine.mount()?;
    let key = furnish::furnish(machine.fleet, machine.host, &machine.root(), authorized)?;
    let supervisor = machine.start()?;
    let system_state = machine.wait_ready(Some(supervisor))?;
    tell(Progress::Ready { host: host(), system_state, took: since.elapsed() });
    Ok(key)
}
